import type { MergeRequest } from '../../schema/contracts/messages.ts';
import type { PlannedRepository } from '../../schema/contracts/plan.ts';
import type { MergeActivities, UpdateOutcome } from '../../workflows/ports.ts';
import { refused } from '../failures.ts';
import type { Forges } from '../forge/forge.ts';
import { commitDate, isAncestor, mergeTrees, treeOf, writeCommit, type Git } from '../git/git.ts';
import type { Workspace } from '../git/workspace.ts';
import { asSupervisor } from '../supervision.ts';
import { createOpenBatch } from './batch.ts';
import { createReverts } from './revert.ts';

export function createMergeActivities(deps: {
  git: Git;
  forges: Forges;
  workspace: Workspace;
}): Pick<MergeActivities, 'updateBranch' | 'openBatch' | 'openRevert' | 'findRevert' | 'merge'> {
  const { git, forges, workspace } = deps;
  const openBatch = createOpenBatch(deps);
  const { openRevert, findRevert } = createReverts(deps);
  return {
    updateBranch: (input) => asSupervisor(() => updateBranch(input)),
    openBatch: (input) => asSupervisor(() => openBatch(input)),
    openRevert: (input) => asSupervisor(() => openRevert(input)),
    findRevert: (input) => asSupervisor(() => findRevert(input)),
    merge: (input) => asSupervisor(() => merge(input)),
  };

  /**
   * Brings a branch up to its base. The new head is the only one that keeps both approvals and the go-ahead, so its
   * tree is worked out twice: as the merge that is written, and again from the commit that the forge then has.
   */
  async function updateBranch(input: Parameters<MergeActivities['updateBranch']>[0]): Promise<UpdateOutcome> {
    const { repository, request } = input;
    const branches = [repository.base, request.branch];
    const heads = await workspace.fetchBranches({ repository, branches });
    const baseSha = heads.get(repository.base);
    if (baseSha === undefined) throw refused(`${repository.address} has no branch ${repository.base}`);
    const standing = heads.get(request.branch) ?? null;
    const cwd = await workspace.openMirror(repository);
    const holdsBase =
      standing !== null && (await isAncestor(git, { cwd, ancestor: baseSha, descendant: standing }));
    // What was merged is on the base, and never in its own head.
    if (!holdsBase || standing !== input.headSha) {
      const merged = await findMerge({ cwd, repository, request, baseSha });
      if (merged) return merged;
    }
    if (standing === null) return { kind: 'head-moved', headSha: null };
    if (
      standing !== input.headSha &&
      !(await isProvenMove({ cwd, from: input.headSha, to: standing, baseSha }))
    ) {
      return { kind: 'head-moved', headSha: standing };
    }
    const { covered } = input;
    if (covered && covered.baseSha !== baseSha) return { kind: 'not-covered' };
    if (holdsBase) {
      if (covered && covered.tree !== (await treeOf(git, { cwd, commit: standing })))
        return { kind: 'not-covered' };
      const updated = standing !== request.headSha;
      if (updated) await repostApprovals(repository, request, standing);
      return { kind: 'ready', headSha: standing, baseSha, updated };
    }
    const merged = await mergeTrees(git, { cwd, ours: standing, theirs: baseSha });
    if (merged.kind === 'conflict') return { kind: 'conflict', files: merged.files };
    if (covered && covered.tree !== merged.tree) return { kind: 'not-covered' };
    const headSha = await writeUpdate({ cwd, tree: merged.tree, head: standing, baseSha, repository });
    await workspace.push({ repository, branch: request.branch, from: standing, to: headSha });
    if (!(await isProvenMove({ cwd, from: standing, to: headSha, baseSha }))) {
      throw refused(`${headSha} is not the merge of ${standing} and ${baseSha} that was worked out`);
    }
    await repostApprovals(repository, request, headSha);
    return { kind: 'ready', headSha, baseSha, updated: true };
  }

  /**
   * A merge whose answer was lost for good, or that a person has made meanwhile. At a head that nobody has approved it
   * is somebody else's.
   */
  async function findMerge(of: {
    cwd: string;
    repository: PlannedRepository;
    request: MergeRequest;
    baseSha: string;
  }): Promise<UpdateOutcome | undefined> {
    const { cwd, repository, request, baseSha } = of;
    const { pullRequest } = request;
    const found = await forges(repository).findMerge({ repository, pullRequest });
    if (!found) return undefined;
    const { headSha, mergeSha } = found;
    if (headSha !== request.headSha) {
      await workspace.fetchCommit({ repository, sha: headSha });
      const isProven = await isProvenMove({ cwd, from: request.headSha, to: headSha, baseSha });
      if (!isProven) return { kind: 'head-moved', headSha };
    }
    if (!(await isAncestor(git, { cwd, ancestor: mergeSha, descendant: baseSha }))) {
      throw refused(
        `pull request ${pullRequest} of ${repository.address} was merged as ${mergeSha}, which is not on ${repository.base}`,
      );
    }
    return { kind: 'merged', headSha, mergeSha, baseSha };
  }

  /**
   * Whether a head is an approved one merged with the base, once or again and again, without a conflict and without
   * anything added. A merge of any other branch would bring in what nobody has reviewed.
   */
  async function isProvenMove(of: {
    cwd: string;
    from: string;
    to: string;
    baseSha: string;
  }): Promise<boolean> {
    const { cwd, from, to, baseSha } = of;
    const { stdout } = await git.run({ cwd, args: ['rev-list', '--parents', '-n', '1', to] });
    const [, first, second, ...more] = stdout.trim().split(' ');
    if (first === undefined || second === undefined || more.length > 0) return false;
    if (!(await isAncestor(git, { cwd, ancestor: second, descendant: baseSha }))) return false;
    const merged = await mergeTrees(git, { cwd, ours: first, theirs: second });
    if (merged.kind !== 'clean' || merged.tree !== (await treeOf(git, { cwd, commit: to }))) return false;
    return first === from || isProvenMove({ ...of, to: first });
  }

  async function writeUpdate(of: {
    cwd: string;
    tree: string;
    head: string;
    baseSha: string;
    repository: PlannedRepository;
  }): Promise<string> {
    const { cwd, tree, head, baseSha, repository } = of;
    const message = `Merge ${repository.base} at ${baseSha}\n`;
    // The date of the head makes a repeated attempt write the very same commit.
    const date = await commitDate(git, { cwd, commit: head });
    return writeCommit(git, { cwd, tree, parents: [head, baseSha], message, date });
  }

  async function repostApprovals(
    repository: PlannedRepository,
    request: MergeRequest,
    sha: string,
  ): Promise<void> {
    for (const { engine, summary } of request.approvals) {
      const review = { engine, sha, verdict: 'approve' as const, summary, findings: [] };
      await forges(repository).postReview({
        repository,
        pullRequest: request.pullRequest,
        review,
        repeats: true,
      });
    }
  }

  async function merge(input: Parameters<MergeActivities['merge']>[0]) {
    const { tenant, repository, request, headSha, baseSha } = input;
    const outcome = await forges(repository).merge({
      repository,
      pullRequest: request.pullRequest,
      headSha,
      baseSha,
      title: request.title,
      effectKey: `merge:${tenant}:${repository.id}:${request.pullRequest}`,
    });
    if (outcome.kind === 'base-moved') return { kind: outcome.kind };
    return outcome;
  }
}
