import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Attempted, Effects } from '../../effects.ts';
import { isOutcomeUnknown, outcomeUnknown, refused, unavailable } from '../../failures.ts';
import { isAncestor, type Git } from '../../git/git.ts';
import type { Workspace } from '../../git/workspace.ts';
import type { KeyedLock } from '../../keyed-lock.ts';
import type { Forge, MergeOutcome } from '../forge.ts';
import { lookForAWhile } from '../settle.ts';
import { pathOf, type Answer } from './client.ts';
import { done, type RepositoryAccess, type GiteaAccess } from './access.ts';
import { GiteaBranch, GiteaCommit, GiteaPullRequest } from './schema.ts';

/**
 * Gitea says "try again later" while it works out whether a pull request can be merged. Seen: for a quarter of a second
 * to a second after another merge or a push, once for ten. For a conflict it says the same for ever, but a head that
 * holds its base has none.
 */
const checkingMs = 30_000;
const checkAgainMs = 250;

type Merging = Parameters<Forge['merge']>[0];
type Refusal = Exclude<MergeOutcome, { kind: 'merged' }>;
type Attempt = Attempted<GiteaMerged, Refusal>;

const GiteaMerged = z.object({ mergeSha: z.string() });
type GiteaMerged = z.infer<typeof GiteaMerged>;

/**
 * Gitea pins a merge to its head and not to its base, and merges a pull request twice when it is asked twice at the
 * same moment. So merges of one pull request come one after another, each looks first, and an answer that is lost is
 * looked for and never asked for again.
 */
export function createGiteaMerge(deps: {
  access: GiteaAccess;
  git: Git;
  workspace: Workspace;
  effects: Effects;
  tenant: string;
  turns: KeyedLock;
}): Pick<Forge, 'merge'> {
  const { access, git, workspace, effects, tenant, turns } = deps;
  return { merge: (of) => turns.with(`${of.repository.id} merge ${of.pullRequest}`, () => merge(of)) };

  async function merge(of: Merging): Promise<MergeOutcome> {
    const { headSha, baseSha } = of;
    const there = await access.of(of.repository);
    const attempted = await effects.once<GiteaMerged, Refusal>({
      key: `${of.effectKey}@${headSha}+${baseSha}`,
      tenant,
      result: GiteaMerged,
      // An attempt that died may have a request on its way.
      look: () => lookForAWhile(() => findMerge(there, of)),
      act: () => act(there, of),
    });
    if (attempted.kind === 'refused') return attempted.refusal;
    return { kind: 'merged', mergeSha: attempted.result.mergeSha };
  }

  /** The merge of this very head; undefined when the pull request is not merged, or was with another. */
  async function findMerge(there: RepositoryAccess, of: Merging): Promise<GiteaMerged | undefined> {
    const standing = await findPullRequest(there, of.pullRequest);
    if (!standing.merged) return undefined;
    const { head, mergeSha } = await readMerge(there, standing);
    return head === of.headSha ? { mergeSha } : undefined;
  }

  async function act(there: RepositoryAccess, of: Merging): Promise<Attempt> {
    const { repository, headSha, baseSha } = of;
    const deadline = Date.now() + checkingMs;
    for (let isTested = false; ;) {
      const barred = await findBar(there, of);
      if (barred) return barred;
      if (!isTested) {
        await workspace.fetchCommit({ repository, sha: headSha });
        await workspace.fetchCommit({ repository, sha: baseSha });
        const cwd = await workspace.openMirror(repository);
        isTested = await isAncestor(git, { cwd, ancestor: baseSha, descendant: headSha });
        if (!isTested) throw refused(`${headSha} was not tested on ${baseSha}: it does not hold it`);
      }
      const said = await request(there, of);
      if (said === 'lost' || said.kind === 'ok') {
        const merged = await lookForAWhile(() => findMerge(there, of));
        if (merged) return { kind: 'done', result: merged };
        throw outcomeUnknown(
          `the merge of pull request ${of.pullRequest} was asked of ${there.host} and is not to be seen`,
        );
      }
      if (!passes(said)) done(there, said, `the merge of pull request ${of.pullRequest}`);
      if (Date.now() > deadline) {
        throw unavailable(
          `${there.host} has not made up its mind about pull request ${of.pullRequest} for ${checkingMs / 1_000} s: ${said.message}`,
        );
      }
      await sleep(checkAgainMs);
    }
  }

  async function request(there: RepositoryAccess, of: Merging): Promise<Answer<unknown> | 'lost'> {
    const body = {
      Do: 'squash',
      head_commit_id: of.headSha,
      MergeTitleField: `${of.title} (#${of.pullRequest})`,
      MergeMessageField: `Pull-Request: ${of.pullRequest}\n${headTrailer}${of.headSha}`,
      delete_branch_after_merge: false,
    };
    const path = `${there.path}${pathOf`/pulls/${of.pullRequest}/merge`}`;
    try {
      return await there.client.change({ method: 'POST', path, body, answer: z.unknown() });
    } catch (error) {
      if (!isOutcomeUnknown(error)) throw error;
      return 'lost';
    }
  }

  /** What stands in the way of a merge, or the merge itself, as the forge has it now. */
  async function findBar(there: RepositoryAccess, of: Merging): Promise<Attempt | undefined> {
    const standing = await findPullRequest(there, of.pullRequest);
    if (standing.merged) {
      const { head, mergeSha } = await readMerge(there, standing);
      if (head === of.headSha) return { kind: 'done', result: { mergeSha } };
      return { kind: 'refused', refusal: { kind: 'head-moved', headSha: head } };
    }
    if (standing.state === 'closed') return { kind: 'refused', refusal: { kind: 'closed' } };
    const { sha } = standing.head;
    if (sha !== of.headSha) {
      return { kind: 'refused', refusal: { kind: 'head-moved', headSha: sha === '' ? null : sha } };
    }
    const path = `${there.path}${pathOf`/branches/${of.repository.base}`}`;
    const base = done(there, await there.client.get({ path, answer: GiteaBranch }), 'a look at the base');
    if (base.commit.id === of.baseSha) return undefined;
    return { kind: 'refused', refusal: { kind: 'base-moved', baseSha: base.commit.id } };
  }

  /** Which head was merged, our own merges say themselves: the branch may have moved since. */
  async function readMerge(
    there: RepositoryAccess,
    pullRequest: GiteaPullRequest,
  ): Promise<{ head: string; mergeSha: string }> {
    const { number, head, merge_commit_sha: mergeSha } = pullRequest;
    if (!mergeSha) throw outcomeUnknown(`pull request ${number} of ${there.host} is merged as no commit`);
    const path = `${there.path}${pathOf`/git/commits/${mergeSha}`}`;
    const said = done(there, await there.client.get({ path, answer: GiteaCommit }), 'a look at the merge');
    const lines = said.commit.message.split('\n');
    const told = lines.findLast((line) => line.startsWith(headTrailer))?.slice(headTrailer.length);
    return { head: told?.trim() ?? head.sha, mergeSha };
  }
}

const headTrailer = 'Head: ';

export async function findPullRequest(there: RepositoryAccess, number: number): Promise<GiteaPullRequest> {
  const path = `${there.path}${pathOf`/pulls/${number}`}`;
  return done(there, await there.client.get({ path, answer: GiteaPullRequest }), `pull request ${number}`);
}

/**
 * Whether a refusal may pass, or is explained by another look. Gitea uses one status for many things, so its words
 * decide: these are of 1.26. Anything else is for a person.
 */
function passes(said: { status: number; message: string }): boolean {
  return (
    [
      /^Please try again later/,
      // The next look tells which.
      /^The PR is already merged/,
      /^head out of date/,
      /^merge push out of date/,
    ].some((known) => known.test(said.message)) || said.status === 404
  );
}
