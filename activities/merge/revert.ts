import type { MergeActivities, RevertOutcome } from '../../workflows/ports.ts';
import { refused } from '../failures.ts';
import type { Forges } from '../forge/forge.ts';
import { commitDate, isAncestor, mergeTrees, treeOf, writeCommit, type Git } from '../git/git.ts';
import type { Workspace } from '../git/workspace.ts';
import { putOnOwnBranch } from './own-branch.ts';

/**
 * Takes a merge back by a commit on a branch of its own, for the forge's own rules hold for it as for any other: it is
 * tested and merged as a pull request. Every field of the commit comes from the merge and the base, so each attempt
 * writes the very same one.
 */
export function createOpenRevert(deps: {
  git: Git;
  forges: Forges;
  workspace: Workspace;
}): MergeActivities['openRevert'] {
  const { git, forges, workspace } = deps;
  return openRevert;

  async function openRevert(of: Parameters<MergeActivities['openRevert']>[0]): Promise<RevertOutcome> {
    const { repository, request, mergeSha, reason } = of;
    const baseSha = await workspace.fetchBranch({ repository, branch: repository.base });
    if (baseSha === undefined) throw refused(`${repository.address} has no branch ${repository.base}`);
    const cwd = await workspace.openMirror(repository);
    if (!(await isAncestor(git, { cwd, ancestor: mergeSha, descendant: baseSha }))) {
      return { kind: 'not-possible', reason: `${mergeSha} is not on ${repository.base} any more` };
    }
    const date = await commitDate(git, { cwd, commit: mergeSha });
    const message = `Revert "${request.title} (#${request.pullRequest})"\n\nTakes back ${mergeSha}: ${reason}.\n`;
    const before = await treeOf(git, { cwd, commit: `${mergeSha}^1` });
    // As if it had been taken back at once; merged with the base it takes back that merge and nothing else.
    const undone = await writeCommit(git, { cwd, tree: before, parents: [mergeSha], message, date });
    const merged = await mergeTrees(git, { cwd, ours: baseSha, theirs: undone });
    if (merged.kind === 'conflict') {
      return { kind: 'not-possible', reason: `later changes are in the way in ${merged.files.join(', ')}` };
    }
    if (merged.tree === (await treeOf(git, { cwd, commit: baseSha }))) {
      return { kind: 'not-possible', reason: 'it was taken back already' };
    }
    const headSha = await writeCommit(git, { cwd, tree: merged.tree, parents: [baseSha], message, date });
    const branch = `mission-revert/${request.mission}/${request.task}-${mergeSha.slice(0, 12)}`;
    await putOnOwnBranch(workspace, { repository, branch, headSha });
    const { number: pullRequest } = await forges(repository).findOrOpenPullRequest({
      ...{ repository, branch },
      title: `Revert "${request.title}"`,
      body: `Takes back #${request.pullRequest}: ${reason}.`,
    });
    return { kind: 'opened', branch, headSha, baseSha, pullRequest };
  }
}
