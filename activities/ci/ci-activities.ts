import { ciAllowsMerge, isSettled, type CiReport } from '../../schema/contracts/ci.ts';
import type { CiActivities } from '../../workflows/ports.ts';
import { refused, stillWaiting } from '../failures.ts';
import type { Workspace } from '../git/workspace.ts';
import { asSupervisor, type Watch } from '../supervision.ts';
import type { CiQuestion, Cis } from './ci.ts';

export function createCiActivities(deps: { cis: Cis; workspace: Workspace }): CiActivities {
  const { cis, workspace } = deps;

  return {
    awaitCi: ({ place, ...question }) =>
      asSupervisor((watch) => settled({ repository: place.repository, ...question }, watch)),

    guardQueue: ({ place, mustBeGreen, requireCi }) =>
      asSupervisor(async (watch) => {
        const { repository } = place;
        const baseSha = await workspace.fetchBranch({ repository, branch: repository.base });
        if (baseSha === undefined) throw refused(`${repository.address} has no branch ${repository.base}`);
        const report = await settled({ repository, sha: baseSha, stepsAt: baseSha }, watch);
        if (mustBeGreen && !ciAllowsMerge(report.verdict, { requireCi })) {
          throw stillWaiting('BaseNotReady', `${repository.base} is ${report.verdict} at ${baseSha}`);
        }
        return { baseSha };
      }),
  };

  /** A pending verdict is thrown: the server then does the polling, at no cost in history. */
  async function settled(question: CiQuestion, watch: Watch): Promise<CiReport> {
    const ci = cis(question.repository);
    const report = ci.settle ? await ci.settle({ ...question, watch }) : await ci.look(question);
    if (isSettled(report.verdict)) return report;
    throw stillWaiting('CiPending', `CI of ${question.sha} is ${report.verdict}`);
  }
}
