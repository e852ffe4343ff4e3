import { ciAllowsMerge, isSettled, type CiReport } from '../../schema/contracts/ci.ts';
import type { CiActivities } from '../../workflows/ports.ts';
import { refused, stillWaiting } from '../failures.ts';
import type { Workspace } from '../git/workspace.ts';
import { asSupervisor, type Watch } from '../supervision.ts';
import type { CiWaits } from './ci-waits.ts';
import type { CiQuestion, Cis } from './ci.ts';
import type { Looking, Looks } from './looks.ts';

export function createCiActivities(deps: {
  cis: Cis;
  /** One that shares its looks. */
  workspace: Pick<Workspace, 'fetchBranch'>;
  waits: CiWaits;
  looks: Looks;
}): CiActivities {
  const { cis, workspace, waits, looks } = deps;

  return {
    awaitCi: ({ place: { repository }, ...commit }) =>
      asSupervisor((watch) =>
        waits.until({
          ...{ repository, watch },
          concerns: ({ sha, branch }) => sha === commit.sha || (sha ?? branch) === undefined,
          look: (looking) => settled({ repository, ...commit }, { watch, looking }),
        }),
      ),

    guardQueue: ({ place: { repository }, mustBeGreen, requireCi }) =>
      asSupervisor((watch) => {
        const { base } = repository;
        let baseSha: string | undefined;
        return waits.until({
          ...{ repository, watch },
          concerns: ({ sha, branch }) => sha === baseSha || branch === base || (sha ?? branch) === undefined,
          look: async (looking) => {
            const fetch = () => workspace.fetchBranch({ repository, branch: base });
            baseSha = await looks.run({ ...looking, branch: base }, fetch);
            if (baseSha === undefined) throw refused(`${repository.address} has no branch ${base}`);
            const report = await settled({ repository, sha: baseSha, stepsAt: baseSha }, { watch, looking });
            if (mustBeGreen && !ciAllowsMerge(report.verdict, { requireCi })) {
              throw stillWaiting('BaseNotReady', `${base} is ${report.verdict} at ${baseSha}`);
            }
            return { baseSha, verdict: report.verdict };
          },
        });
      }),
  };

  /** A pending verdict is thrown: whoever asks then waits for news, or for the next look. */
  async function settled(question: CiQuestion, of: { watch: Watch; looking: Looking }): Promise<CiReport> {
    const ci = cis(question.repository);
    const report = ci.settle
      ? await ci.settle({ ...question, watch: of.watch })
      : await looks.run({ ...of.looking, sha: question.sha }, () => ci.look(question));
    if (isSettled(report.verdict)) return report;
    throw stillWaiting('CiPending', `CI of ${question.sha} is ${report.verdict}`);
  }
}
