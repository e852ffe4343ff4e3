import { z } from 'zod';
import type { PlannedRepository } from '../../../schema/contracts/plan.ts';
import type { Effects } from '../../effects.ts';
import { outcomeUnknown, refused } from '../../failures.ts';
import { isAncestor, requireCommit, resolveCommit, writeCommit, type Git } from '../../git/git.ts';
import { composeReview, toldFixedIn } from '../compose-review.ts';
import { linesInDiff } from '../diff-lines.ts';
import type { Forge, MergedHead, MergeOutcome, ReviewPosting } from '../forge.ts';
import type { LocalStore } from './local-store.ts';

/**
 * The embedded forge: a bare git repository on this machine, with issues and pull requests in our database.
 * It merges by git plumbing, so that no work tree and no hook takes part.
 */
export function createLocalForge(deps: {
  git: Git;
  store: LocalStore;
  effects: Effects;
  tenant: string;
}): Forge {
  const { git, store, effects } = deps;
  return {
    branchHead,
    findOrCreateIssue: ({ repository, marker, title, body }) =>
      store.findOrCreateIssue({ repositoryId: repository.id, marker, title, body }),
    closeIssue: ({ repository, ...rest }) => store.closeIssue({ repositoryId: repository.id, ...rest }),
    findPullRequest: ({ repository, branch }) =>
      store.findPullRequest({ repositoryId: repository.id, branch }),
    findOrOpenPullRequest: ({ repository, ...rest }) =>
      store.findOrOpenPullRequest({ repositoryId: repository.id, base: repository.base, ...rest }),
    updatePullRequest: ({ repository, ...rest }) =>
      store.updatePullRequest({ repositoryId: repository.id, ...rest }),
    closePullRequest: ({ repository, number }) =>
      store.closePullRequest({ repositoryId: repository.id, number }),
    postReview,
    merge,
    findMerge,
    commitStatuses: ({ repository, sha }) => store.readStatuses({ repositoryId: repository.id, sha }),
    findOrCreateTag,
    deleteBranch,
  };

  async function branchHead(of: {
    repository: PlannedRepository;
    branch: string;
  }): Promise<string | undefined> {
    return resolveCommit(git, { cwd: of.repository.address, ref: `refs/heads/${of.branch}` });
  }

  async function postReview(of: ReviewPosting): Promise<void> {
    const { repository, pullRequest, review } = of;
    const cwd = repository.address;
    const { engine, sha: head, findings } = review;
    const base = `refs/heads/${repository.base}`;
    const at = { repositoryId: repository.id, pullRequest };
    const earlier = await store.readReviews({ ...at, author: engine, except: head });
    const comments = of.repeats === true ? [] : earlier.flatMap((one) => one.comments);
    const composed = composeReview({
      review,
      isInDiff: await linesInDiff({ git, cwd, base, head, findings }),
      standing: comments.map(({ key, file, line }) => ({ key, place: `${file}:${line}` })),
      toldFixed: toldFixedIn(earlier.map(({ body }) => body)),
    });
    await store.postReview({ ...at, review, ...composed });
  }

  async function merge(of: {
    repository: PlannedRepository;
    pullRequest: number;
    headSha: string;
    baseSha: string;
    title: string;
    effectKey: string;
  }): Promise<MergeOutcome> {
    const { repository, headSha, baseSha } = of;
    const pullRequest = await store.readPullRequest({
      repositoryId: repository.id,
      number: of.pullRequest,
    });
    if (!pullRequest) throw refused(`the local forge has no pull request ${of.pullRequest}`);
    if (pullRequest.state === 'merged') return alreadyMerged(pullRequest, headSha);
    if (pullRequest.state === 'closed') return { kind: 'closed' };

    const cwd = repository.address;
    const baseRef = `refs/heads/${repository.base}`;
    const attempted = await effects.once<LocalMerge, MergeOutcome>({
      key: `${of.effectKey}@${headSha}+${baseSha}`,
      tenant: deps.tenant,
      result: LocalMerge,
      look: async ({ claimedAt }) => {
        const mergeSha = await writeSquash({ ...of, claimedAt });
        const base = await requireCommit(git, { cwd, ref: baseRef });
        const there = await isAncestor(git, { cwd, ancestor: mergeSha, descendant: base });
        return there ? { mergeSha } : undefined;
      },
      act: async ({ claimedAt }) => {
        const head = (await branchHead({ repository, branch: pullRequest.branch })) ?? null;
        if (head !== headSha) return { kind: 'refused', refusal: { kind: 'head-moved', headSha: head } };
        const base = await requireCommit(git, { cwd, ref: baseRef });
        if (base !== baseSha) return { kind: 'refused', refusal: { kind: 'base-moved', baseSha: base } };
        const mergeSha = await writeSquash({ ...of, claimedAt });
        await moveBase({ repository, from: baseSha, to: mergeSha });
        return { kind: 'done', result: { mergeSha } };
      },
    });
    if (attempted.kind === 'refused') return attempted.refusal;
    const { mergeSha } = attempted.result;
    await store.markMerged({ repositoryId: repository.id, number: of.pullRequest, headSha, mergeSha });
    return { kind: 'merged', mergeSha };
  }

  /** A merge that has moved the base and was not noted is found by what its commit says, and noted. */
  async function findMerge(of: {
    repository: PlannedRepository;
    pullRequest: number;
  }): Promise<MergedHead | undefined> {
    const { repository, pullRequest: number } = of;
    const noted = await store.readPullRequest({ repositoryId: repository.id, number });
    if (!noted || noted.state === 'closed') return undefined;
    const { headSha, mergeSha } = noted;
    if (headSha !== null && mergeSha !== null) return { headSha, mergeSha };
    const found = await findOnBase(repository, noted);
    if (found) await store.markMerged({ repositoryId: repository.id, number, ...found });
    return found;
  }

  async function findOnBase(
    repository: PlannedRepository,
    { number, branch }: { number: number; branch: string },
  ): Promise<MergedHead | undefined> {
    const head = await branchHead({ repository, branch });
    if (head === undefined) return undefined;
    // A merge is never in its own head: what that holds needs no look.
    const { stdout } = await git.run({
      cwd: repository.address,
      args: [
        ...['log', '--max-count=1', '--extended-regexp', `--grep=^Pull-Request: ${number}$`],
        '--format=%H %(trailers:key=Head,valueonly,separator=%x20)',
        ...[`refs/heads/${repository.base}`, `^${head}`],
      ],
    });
    const [mergeSha, headSha] = stdout.trim().split(' ');
    return mergeSha === undefined || headSha === undefined ? undefined : { headSha, mergeSha };
  }

  /**
   * Writes the squash commit without moving any ref. Its tree is the head's, which holds the base it was tested on.
   * Every field comes from the claim, so each attempt writes the very same commit: that is how it is found again.
   */
  async function writeSquash(of: {
    repository: PlannedRepository;
    pullRequest: number;
    headSha: string;
    baseSha: string;
    title: string;
    claimedAt: Date;
  }): Promise<string> {
    const cwd = of.repository.address;
    if (!(await isAncestor(git, { cwd, ancestor: of.baseSha, descendant: of.headSha }))) {
      throw refused(`${of.headSha} was not tested on ${of.baseSha}: it does not hold it`);
    }
    const message = [
      `${of.title} (#${of.pullRequest})`,
      '',
      `Pull-Request: ${of.pullRequest}`,
      `Head: ${of.headSha}`,
      '',
    ].join('\n');
    const commit = { tree: `${of.headSha}^{tree}`, parents: [of.baseSha], message, date: of.claimedAt };
    return writeCommit(git, { cwd, ...commit });
  }

  /** Compare and swap: git refuses when the base is no longer what was tested. */
  async function moveBase(of: { repository: PlannedRepository; from: string; to: string }): Promise<void> {
    const cwd = of.repository.address;
    const ref = `refs/heads/${of.repository.base}`;
    await git.run({ cwd, args: ['update-ref', ref, of.to, of.from], accept: [1, 128] });
    const now = await requireCommit(git, { cwd, ref });
    if (await isAncestor(git, { cwd, ancestor: of.to, descendant: now })) return;
    throw outcomeUnknown(`${ref} of ${cwd} is at ${now}, not at the merge ${of.to}`);
  }

  async function findOrCreateTag(of: {
    repository: PlannedRepository;
    name: string;
    sha: string;
  }): Promise<void> {
    const cwd = of.repository.address;
    const ref = `refs/tags/${of.name}`;
    // Of many at once git lets one make it; the others see whether it is what they wanted.
    await git.run({ cwd, args: ['update-ref', ref, of.sha, '0'.repeat(of.sha.length)], accept: [1, 128] });
    const standing = await resolveCommit(git, { cwd, ref });
    if (standing !== of.sha) {
      throw refused(`the tag ${of.name} can't be put on ${of.sha}: it is on ${standing ?? 'nothing'}`);
    }
  }

  async function deleteBranch(of: {
    repository: PlannedRepository;
    branch: string;
    head: string;
  }): Promise<void> {
    const { head } = of;
    if ((await branchHead(of)) !== head) return;
    const args = ['update-ref', '-d', `refs/heads/${of.branch}`, head];
    await git.run({ cwd: of.repository.address, args });
  }
}

const LocalMerge = z.object({ mergeSha: z.string() });
type LocalMerge = z.infer<typeof LocalMerge>;

function alreadyMerged(
  pullRequest: { headSha: string | null; mergeSha: string | null },
  headSha: string,
): MergeOutcome {
  if (pullRequest.headSha === headSha && pullRequest.mergeSha !== null) {
    return { kind: 'merged', mergeSha: pullRequest.mergeSha };
  }
  return { kind: 'head-moved', headSha: pullRequest.headSha };
}
