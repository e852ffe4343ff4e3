import type { PlannedRepository } from '../../schema/contracts/plan.ts';
import type { Workspace } from '../git/workspace.ts';

/** Puts a commit on a branch that is the lane's own, unless it is there already. */
export async function putOnOwnBranch(
  workspace: Pick<Workspace, 'fetchBranch' | 'push'>,
  of: { repository: PlannedRepository; branch: string; headSha: string },
): Promise<void> {
  const { repository, branch, headSha } = of;
  const standing = await workspace.fetchBranch({ repository, branch });
  if (standing !== headSha) await workspace.push({ repository, branch, from: standing, to: headSha });
}
