import { z } from 'zod';
import type { PlannedRepository } from '../../../schema/contracts/plan.ts';
import { describeReview, type Review } from '../../../schema/contracts/review.ts';
import { refused } from '../../failures.ts';
import type { KeyedLock } from '../../keyed-lock.ts';
import type { Forge } from '../forge.ts';
import { lookThenAct } from '../settle.ts';
import { done, type ForgeAccess, type RepositoryAccess } from './access.ts';
import { pathOf } from './client.ts';
import type { Dialect, ForgeReview } from './dialect.ts';
import { findPullRequest } from './rest-merge.ts';

interface Posting {
  repository: PlannedRepository;
  pullRequest: number;
  review: Review;
}

/** Reviews as the engine's own account where the operator has given it one, and as comments otherwise. */
export function createRestReviews(deps: {
  access: ForgeAccess;
  dialect: Dialect;
  turns: KeyedLock;
}): Pick<Forge, 'postReview'> {
  const { access, dialect, turns } = deps;
  return {
    postReview: (of) =>
      turns.with(`${of.repository.id} review ${of.pullRequest} ${of.review.engine}`, () => postReview(of)),
  };

  async function postReview(of: Posting): Promise<void> {
    const { repository, pullRequest, review } = of;
    const own = await access.ofReviewer(repository, review.engine);
    const there = own ?? (await access.of(repository));
    if (own) await refuseAuthor(own, of);
    const path = `${there.path}${pathOf`/pulls/${pullRequest}/reviews`}`;
    const ending = `<!-- review:${review.engine}@${review.sha}:${review.verdict} -->`;
    const login = await there.login();
    const isOurs = (one: ForgeReview) =>
      one.author === login &&
      one.sha === review.sha &&
      // It is posted again.
      !one.isDismissed &&
      one.body.trimEnd().endsWith(ending);
    await lookThenAct({
      look: async () => (await there.client.list({ path, answer: z.array(dialect.review) })).find(isOurs),
      act: async () => {
        const body = {
          event: dialect.reviewEvents[own ? review.verdict : 'comment'],
          commit_id: review.sha,
          body: `${describeReview(review)}\n\n${ending}`,
        };
        const posted = await there.client.change({ method: 'POST', path, body, answer: dialect.review });
        return done(there, posted, `the review by ${review.engine}`);
      },
    });
  }

  /** Asked of the forge: what we believe of our own tokens may be wrong. */
  async function refuseAuthor(there: RepositoryAccess, of: Posting): Promise<void> {
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
