import { contextKey, type CiReport } from '../../schema/contracts/ci.ts';
import type { PlannedRepository } from '../../schema/contracts/plan.ts';
import { isAncestor, type Git } from '../git/git.ts';
import type { Workspace } from '../git/workspace.ts';
import type { Ci } from './ci.ts';

/**
 * The same report, with those of its failed contexts that fail where the change will go too, by the newest word on them
 * there. Of the base itself nothing is said: there is nobody else to blame.
 */
export async function withBaseFailures(
  tools: { git: Git; workspace: Workspace; look: Ci['look'] },
  of: { repository: PlannedRepository; report: CiReport; stepsAt: string },
): Promise<CiReport> {
  const { git, workspace, look } = tools;
  const { repository, report, stepsAt } = of;
  const { sha } = report;
  const baseSha = await workspace.fetchBranch({ repository, branch: repository.base });
  if (baseSha === undefined) return report;
  const cwd = await workspace.openMirror(repository);
  await workspace.fetchCommit({ repository, sha });
  if (await isAncestor(git, { cwd, ancestor: sha, descendant: baseSha })) return report;
  const states = new Map<string, string>();
  for (const commit of new Set([stepsAt, baseSha])) {
    const { contexts } = await look({ repository, sha: commit, stepsAt: commit });
    for (const { name, state } of contexts) if (state !== 'pending') states.set(contextKey(name), state);
  }
  const failed = report.contexts.filter(({ state }) => state === 'failed').map(({ name }) => name);
  const failsOnBase = failed.filter((name) => states.get(contextKey(name)) === 'failed');
  return failsOnBase.length > 0 ? { ...report, failsOnBase } : report;
}
