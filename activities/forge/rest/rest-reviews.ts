import { z } from 'zod';
import type { Review } from '../../../schema/contracts/review.ts';
import { refused } from '../../failures.ts';
import type { Git } from '../../git/git.ts';
import type { Workspace } from '../../git/workspace.ts';
import type { KeyedLock } from '../../keyed-lock.ts';
import {
  composeReview,
  fixedSince,
  keyIn,
  keyOf,
  toldFixedIn,
  type ComposedReview,
  type StandingComment,
} from '../compose-review.ts';
import { linesInDiff } from '../diff-lines.ts';
import type { Forge, ReviewPosting } from '../forge.ts';
import { actThenLook } from '../settle.ts';
import { done, type ForgeAccess, type RepositoryAccess } from './access.ts';
import { pathOf } from './client.ts';
import type { Dialect, ForgeReview } from './dialect.ts';
import { findPullRequest } from './rest-merge.ts';

interface OurComment extends StandingComment {
  thread: string | null;
  resolvedBy: string | null;
}

/** Reviews as the engine's own account where the operator has given it one, and as comments otherwise. */
export function createRestReviews(deps: {
  access: ForgeAccess;
  dialect: Dialect;
  git: Git;
  workspace: Workspace;
  turns: KeyedLock;
}): Pick<Forge, 'postReview'> {
  const { access, dialect, git, workspace, turns } = deps;
  return {
    // Gitea collects the comments of a review by account: two of one account at once would share theirs.
    postReview: (of) => turns.with(`${of.repository.id} reviews of ${of.pullRequest}`, () => postReview(of)),
  };

  async function postReview(of: ReviewPosting): Promise<void> {
    const { repository, pullRequest, review } = of;
    const own = await access.ofReviewer(repository, review.engine);
    const there = own ?? (await access.of(repository));
    if (own) await refuseAuthor(own, of);
    const path = `${there.path}${pathOf`/pulls/${pullRequest}/reviews`}`;
    const ending = `<!-- review:${review.engine}@${review.sha}:${review.verdict} -->`;
    const login = await there.login();
    // Others of the account are other engines', and no matter here; one without an ending never came to its end.
    const list = async () =>
      (await there.client.list({ path, answer: z.array(dialect.review) })).filter(
        ({ author, body }) => author === login && (isOf(review, body) || !body.includes('<!-- review:')),
      );
    const isThis = (one: ForgeReview) =>
      one.sha === review.sha &&
      // It is posted again.
      !one.isDismissed &&
      one.body.trimEnd().endsWith(ending);
    const earlier = await list();
    const standing = of.repeats === true ? [] : await findComments(there, of, { login, reviews: earlier });
    if (!earlier.some(isThis)) {
      await actThenLook({ look: async () => (await list()).find(isThis), act: () => postNew() });
    }
    await settleThreads(there, of, { login, standing });

    async function postNew(): Promise<ForgeReview> {
      const bodies = earlier.filter(({ body }) => isOf(review, body)).map(({ body }) => body);
      const common = { review, standing, toldFixed: toldFixedIn(bodies) };
      const composed = composeReview({ ...common, isInDiff: await findLines(of) });
      const posted = await post(composed);
      // GitHub refuses the whole review for one line that is not in the diff as it sees that.
      const isRefused = posted.kind !== 'ok' && posted.status === 422 && composed.comments.length > 0;
      const settled = isRefused ? await post(composeReview({ ...common, isInDiff: () => false })) : posted;
      return done(there, settled, `the review by ${review.engine}`);
    }

    function post({ body, comments }: ComposedReview) {
      const request = {
        event: dialect.reviewEvents[own ? review.verdict : 'comment'],
        commit_id: review.sha,
        body: `${body}\n\n${ending}`,
        ...(comments.length === 0 ? {} : { comments: comments.map((one) => dialect.commentAt(one)) }),
      };
      return there.client.change({ method: 'POST', path, body: request, answer: dialect.review });
    }
  }

  /** What this engine's earlier reviews have told at lines, those of a review that never came to its end included. */
  async function findComments(
    there: RepositoryAccess,
    { pullRequest, review }: ReviewPosting,
    of: { login: string; reviews: ForgeReview[] },
  ): Promise<OurComment[]> {
    const { login, reviews } = of;
    if (reviews.length === 0) return [];
    const comments = await dialect.reviewComments(there, { pullRequest, reviews });
    return comments.flatMap(({ thread, author, body, path, line, resolvedBy }) => {
      const key = author === login ? keyIn(body, review.engine) : undefined;
      if (key === undefined) return [];
      return [{ thread, key, resolvedBy, place: line === null ? path : `${path}:${line}` }];
    });
  }

  async function findLines({ repository, review }: ReviewPosting) {
    const { findings, sha: head } = review;
    if (findings.every(({ line }) => line === undefined)) return () => false;
    await workspace.fetchCommit({ repository, sha: head });
    const base = await workspace.fetchBranch({ repository, branch: repository.base });
    if (base === undefined) return () => false;
    return linesInDiff({ git, cwd: await workspace.openMirror(repository), base, head, findings });
  }

  /** What is fixed is marked so; what comes back is open again, unless it was somebody else who has settled it. */
  async function settleThreads(
    there: RepositoryAccess,
    { review }: ReviewPosting,
    of: { login: string; standing: readonly OurComment[] },
  ): Promise<void> {
    const found = new Set(review.findings.map((finding) => keyOf(review.engine, finding)));
    const over = fixedSince(review, of.standing).filter(({ resolvedBy }) => resolvedBy === null);
    const back = of.standing.filter(({ key, resolvedBy }) => found.has(key) && resolvedBy === of.login);
    for (const { thread } of over) await settle(thread, true);
    for (const { thread } of back) await settle(thread, false);

    async function settle(thread: string | null, isSettled: boolean): Promise<void> {
      // Done twice it is the same, so a lost answer is no matter of looking: the next attempt does it again.
      if (thread !== null) await dialect.settleThread(there, { thread, isSettled });
    }
  }

  /** Asked of the forge: what we believe of our own tokens may be wrong. */
  async function refuseAuthor(there: RepositoryAccess, of: ReviewPosting): Promise<void> {
    const number = of.pullRequest;
    const [reviewer, { author }] = await Promise.all([
      there.login(),
      findPullRequest({ there, dialect, number }),
    ]);
    if (reviewer !== author) return;
    throw refused(
      `${of.review.engine} would review as ${reviewer}, who has opened pull request ${of.pullRequest} of ${there.host}${there.path}: give it the token of another account under reviewers:`,
    );
  }
}

function isOf({ engine }: Review, body: string): boolean {
  return body.includes(`<!-- review:${engine}@`);
}
