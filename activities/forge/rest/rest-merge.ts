import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Attempted, Effects } from '../../effects.ts';
import { isOutcomeUnknown, outcomeUnknown, refused, unavailable } from '../../failures.ts';
import { isAncestor, type Git } from '../../git/git.ts';
import type { Workspace } from '../../git/workspace.ts';
import type { KeyedLock } from '../../keyed-lock.ts';
import type { Forge, MergedHead, MergeOutcome } from '../forge.ts';
import { lookForAWhile } from '../settle.ts';
import { done, type ForgeAccess, type RepositoryAccess } from './access.ts';
import { pathOf, type Answer } from './client.ts';
import type { Dialect, ForgePullRequest, Merging } from './dialect.ts';

/**
 * Gitea says "try again later" while it works out whether a pull request can be merged. Seen: for a quarter of a second
 * to a second after another merge or a push, once for ten. For a conflict it says the same for ever, and GitHub says
 * "not mergeable" for both; but a head that holds its base has no conflict.
 */
const checkingMs = 30_000;

type Refusal = Exclude<MergeOutcome, { kind: 'merged' }>;
type Attempt = Attempted<Merged, Refusal>;

const Merged = z.object({ mergeSha: z.string() });
type Merged = z.infer<typeof Merged>;

/**
 * These forges pin a merge to its head and not to its base, and Gitea merges a pull request twice when it is asked twice at the
 * same moment. So merges of one pull request come one after another, each looks first, and an answer that is lost is
 * looked for and never asked for again.
 */
export function createRestMerge(deps: {
  access: ForgeAccess;
  dialect: Dialect;
  git: Git;
  workspace: Workspace;
  effects: Effects;
  tenant: string;
  turns: KeyedLock;
}): Pick<Forge, 'merge' | 'findMerge'> {
  const { access, dialect, git, workspace, effects, tenant, turns } = deps;
  return {
    merge: (of) => turns.with(`${of.repository.id} merge ${of.pullRequest}`, () => merge(of)),
    findMerge: async ({ repository, pullRequest }) => {
      const there = await access.of(repository);
      return readMerge(there, await findPullRequest({ there, dialect, number: pullRequest }));
    },
  };

  async function merge(of: Merging): Promise<MergeOutcome> {
    const { headSha, baseSha } = of;
    const there = await access.of(of.repository);
    const attempted = await effects.once<Merged, Refusal>({
      key: `${of.effectKey}@${headSha}+${baseSha}`,
      tenant,
      result: Merged,
      // An attempt that died may have a request on its way.
      look: () => lookForAWhile(() => findMerge(there, of)),
      act: () => act(there, of),
    });
    if (attempted.kind === 'refused') return attempted.refusal;
    return { kind: 'merged', mergeSha: attempted.result.mergeSha };
  }

  /** The merge of this very head; undefined when the pull request is not merged, or was with another. */
  async function findMerge(there: RepositoryAccess, of: Merging): Promise<Merged | undefined> {
    const standing = await findPullRequest({ there, dialect, number: of.pullRequest });
    const merge = await readMerge(there, standing);
    return merge?.headSha === of.headSha ? { mergeSha: merge.mergeSha } : undefined;
  }

  async function act(there: RepositoryAccess, of: Merging): Promise<Attempt> {
    const { repository, headSha, baseSha } = of;
    const deadline = Date.now() + checkingMs;
    for (let isTested = false; ;) {
      const seen = await findBar(there, of);
      if (seen.kind !== 'free') return seen;
      if (!isTested) {
        await workspace.fetchCommit({ repository, sha: headSha });
        await workspace.fetchCommit({ repository, sha: baseSha });
        const cwd = await workspace.openMirror(repository);
        isTested = await isAncestor(git, { cwd, ancestor: baseSha, descendant: headSha });
        if (!isTested) throw refused(`${headSha} was not tested on ${baseSha}: it does not hold it`);
      }
      const isLate = Date.now() > deadline;
      if (!seen.isChecking || isLate) {
        const said = await request(there, of);
        if (said === 'lost' || said.kind === 'ok') {
          const merged = await lookForAWhile(() => findMerge(there, of));
          if (merged) return { kind: 'done', result: merged };
          throw outcomeUnknown(
            `the merge of pull request ${of.pullRequest} was asked of ${there.host} and is not to be seen`,
          );
        }
        if (!dialect.mayPass(said)) done(there, said, `the merge of pull request ${of.pullRequest}`);
        if (isLate) {
          throw unavailable(
            `${there.host} has not made up its mind about pull request ${of.pullRequest} for ${checkingMs / 1_000} s: ${said.message}`,
          );
        }
      }
      await sleep(dialect.checkAgainMs);
    }
  }

  async function request(there: RepositoryAccess, of: Merging): Promise<Answer<unknown> | 'lost'> {
    const { pullRequest, headSha } = of;
    try {
      return await dialect.requestMerge(there, {
        pullRequest,
        headSha,
        title: `${of.title} (#${pullRequest})`,
        message: `Pull-Request: ${pullRequest}\n${headTrailer}${headSha}`,
      });
    } catch (error) {
      if (!isOutcomeUnknown(error)) throw error;
      return 'lost';
    }
  }

  /** What stands in the way of a merge, or the merge itself, as the forge has it now. */
  async function findBar(
    there: RepositoryAccess,
    of: Merging,
  ): Promise<Attempt | { kind: 'free'; isChecking: boolean }> {
    const standing = await findPullRequest({ there, dialect, number: of.pullRequest });
    const merge = await readMerge(there, standing);
    if (merge) {
      if (merge.headSha === of.headSha) return { kind: 'done', result: { mergeSha: merge.mergeSha } };
      return { kind: 'refused', refusal: { kind: 'head-moved', headSha: merge.headSha } };
    }
    if (standing.state === 'closed') return { kind: 'refused', refusal: { kind: 'closed' } };
    const { headSha, isChecking } = standing;
    if (headSha !== of.headSha) {
      return { kind: 'refused', refusal: { kind: 'head-moved', headSha: headSha === '' ? null : headSha } };
    }
    const { base } = of.repository;
    const baseSha = await dialect.branchHead(there, base);
    if (baseSha === undefined) throw refused(`${there.host}${there.path} has no branch ${base} any more`);
    if (baseSha === of.baseSha) return { kind: 'free', isChecking };
    return { kind: 'refused', refusal: { kind: 'base-moved', baseSha } };
  }

  /** Which head was merged, our own merges say themselves: the branch may have moved since. */
  async function readMerge(
    there: RepositoryAccess,
    pullRequest: ForgePullRequest,
  ): Promise<MergedHead | undefined> {
    const { number, merged, headSha, mergeSha } = pullRequest;
    if (!merged) return undefined;
    if (mergeSha === null)
      throw outcomeUnknown(`pull request ${number} of ${there.host} is merged as no commit`);
    const path = `${there.path}${pathOf`/git/commits/${mergeSha}`}`;
    const said = await there.client.get({ path, answer: dialect.commitMessage });
    const lines = done(there, said, 'a look at the merge').split('\n');
    const told = lines.findLast((line) => line.startsWith(headTrailer))?.slice(headTrailer.length);
    return { headSha: told?.trim() ?? headSha, mergeSha };
  }
}

const headTrailer = 'Head: ';

export async function findPullRequest(of: {
  there: RepositoryAccess;
  dialect: Dialect;
  number: number;
}): Promise<ForgePullRequest> {
  const { there, dialect, number } = of;
  const path = `${there.path}${pathOf`/pulls/${number}`}`;
  const said = await there.client.get({ path, answer: dialect.pullRequest });
  return done(there, said, `pull request ${number}`);
}
