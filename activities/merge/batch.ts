import type { BatchOutcome, MergeActivities } from '../../workflows/ports.ts';
import type { Forges } from '../forge/forge.ts';
import { commitDate, mergeTrees, writeCommit, type Git } from '../git/git.ts';
import type { Workspace } from '../git/workspace.ts';
import { putOnOwnBranch } from './own-branch.ts';

/**
 * Puts heads one on the other on a base, as their merges would come to lie there, so that CI can test them together. Who
 * conflicts with those before is left out. Every field of the commits comes from the heads, so each attempt writes the
 * very same ones.
 */
export function createOpenBatch(deps: {
  git: Git;
  forges: Forges;
  workspace: Workspace;
}): MergeActivities['openBatch'] {
  const { git, forges, workspace } = deps;
  return openBatch;

  async function openBatch(of: Parameters<MergeActivities['openBatch']>[0]): Promise<BatchOutcome> {
    const { repository, requests, baseSha } = of;
    const { base } = repository;
    const branches = [base, ...requests.map((request) => request.branch)];
    const heads = await workspace.fetchBranches({ repository, branches });
    if (heads.get(base) !== baseSha) {
      return { kind: 'not-possible', reason: `${base} has moved` };
    }
    const protection = await forges(repository).branchProtection?.({ repository, branch: base });
    if (protection && protection.requiredContexts.length > 0) {
      return { kind: 'not-possible', reason: `${base} wants CI at the head of each pull request` };
    }
    const cwd = await workspace.openMirror(repository);
    const trees: { id: string; tree: string }[] = [];
    let headSha = baseSha;
    for (const { id, branch, headSha: head, title } of requests) {
      if (heads.get(branch) !== head) continue;
      const merged = await mergeTrees(git, { cwd, ours: head, theirs: headSha });
      if (merged.kind === 'conflict') continue;
      const { tree } = merged;
      const date = await commitDate(git, { cwd, commit: head });
      headSha = await writeCommit(git, { cwd, tree, parents: [headSha], message: `${title}\n`, date });
      trees.push({ id, tree });
    }
    if (trees.length < 2) return { kind: 'not-possible', reason: 'fewer than two fit together' };
    const branch = `mission-batch/${base}/${headSha.slice(0, 12)}`;
    await putOnOwnBranch(workspace, { repository, branch, headSha });
    return { kind: 'opened', branch, headSha, trees };
  }
}
