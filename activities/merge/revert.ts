import type { MergeRequest } from '../../schema/contracts/messages.ts';
import type { FoundRevert, MergeActivities, RevertOutcome } from '../../workflows/ports.ts';
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
export function createReverts(deps: {
  git: Git;
  forges: Forges;
  workspace: Workspace;
}): Pick<MergeActivities, 'openRevert' | 'findRevert'> {
  const { git, forges, workspace } = deps;
  return { openRevert, findRevert };

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
    const merged = await without({ cwd, mergeSha, at: baseSha });
    if (merged.kind === 'conflict') {
      return { kind: 'not-possible', reason: `later changes are in the way in ${merged.files.join(', ')}` };
    }
    if (merged.tree === (await treeOf(git, { cwd, commit: baseSha }))) {
      return { kind: 'not-possible', reason: 'it was taken back already' };
    }
    const headSha = await writeCommit(git, { cwd, tree: merged.tree, parents: [baseSha], message, date });
    const branch = branchOf(request, mergeSha);
    await putOnOwnBranch(workspace, { repository, branch, headSha });
    const { number: pullRequest } = await forges(repository).findOrOpenPullRequest({
      ...{ repository, branch },
      title: `Revert "${request.title}"`,
      body: `Takes back #${request.pullRequest}: ${reason}.`,
    });
    return { kind: 'opened', branch, headSha, baseSha, pullRequest };
  }
  /** At whatever head it was merged, what it came to on the base tells whether the merge was taken back. */
  async function findRevert(of: Parameters<MergeActivities['findRevert']>[0]): Promise<FoundRevert> {
    const { repository, request, mergeSha } = of;
    const forge = forges(repository);
    const branch = branchOf(request, mergeSha);
    const opened = await forge.findPullRequest({ repository, branch });
    if (!opened) return { kind: 'not-merged' };
    const { number: pullRequest } = opened;
    const found = await forge.findMerge({ repository, pullRequest });
    if (!found) return { kind: 'not-merged' };
    const { headSha, mergeSha: revertSha } = found;
    const cwd = await workspace.openMirror(repository);
    await workspace.fetchBranch({ repository, branch: repository.base });
    const undone = await without({ cwd, mergeSha, at: revertSha });
    const nothingIsLeft =
      undone.kind === 'clean' && undone.tree === (await treeOf(git, { cwd, commit: revertSha }));
    return nothingIsLeft
      ? { kind: 'merged', branch, headSha, pullRequest, revertSha }
      : { kind: 'not-merged' };
  }

  /** The tree of a later commit, without that merge and with all else. */
  async function without(of: { cwd: string; mergeSha: string; at: string }) {
    const { cwd, mergeSha, at } = of;
    const date = await commitDate(git, { cwd, commit: mergeSha });
    const before = await treeOf(git, { cwd, commit: `${mergeSha}^1` });
    const message = `Without ${mergeSha}\n`;
    // As if it had been taken back at once: merged with what came later that takes back nothing else.
    const undone = await writeCommit(git, { cwd, tree: before, parents: [mergeSha], message, date });
    return mergeTrees(git, { cwd, ours: at, theirs: undone });
  }
}

/** The same for every attempt at the same merge: by it the pull request is found. */
function branchOf(request: MergeRequest, mergeSha: string): string {
  return `mission-revert/${request.mission}/${request.task}-${mergeSha.slice(0, 12)}`;
}
