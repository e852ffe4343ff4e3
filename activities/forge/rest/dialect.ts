/** What tells one forge of this family from another. GitHub's API came first, Gitea's is made after it. */
import type { z } from 'zod';
import type { CiContext } from '../../../schema/contracts/ci.ts';
import type { Review } from '../../../schema/contracts/review.ts';
import type { BranchProtection, Forge } from '../forge.ts';
import type { RepositoryAccess } from './access.ts';
import type { Answer, Refusal } from './client.ts';
import type { ForgeIssue } from './schema.ts';

/** Newest first: what was made in the last minutes is on the first page. */
export const newestPages = 1;

/** A pull request, however its forge tells it. */
export interface ForgePullRequest {
  number: number;
  state: 'open' | 'closed';
  title: string;
  body: string;
  author: string;
  merged: boolean;
  mergeSha: string | null;
  /** Also when the branch is gone; then `headSha` is the last head. */
  branch: string;
  headSha: string;
  base: string;
  /** Whether the forge is still working out if it can be merged. */
  isChecking: boolean;
}

export interface ForgeReview {
  id: number;
  /** How many comments at lines it has, where the forge tells. */
  comments?: number;
  author: string | undefined;
  body: string;
  sha: string;
  /** One that the forge has dismissed counts no longer. */
  isDismissed: boolean;
}

/** A comment of a review at a line. */
export interface ForgeReviewComment {
  /** What it is settled by; null where the account may not see that. */
  thread: string | null;
  author: string | undefined;
  body: string;
  path: string;
  line: number | null;
  /** Who has marked it as settled, where the forge tells. */
  resolvedBy: string | null;
}

export interface ForgeMilestone {
  /** What the forge's paths call it. */
  id: number;
  title: string;
  state: 'open' | 'closed';
}

export type Merging = Parameters<Forge['merge']>[0];

export interface Dialect {
  pullRequest: z.ZodType<ForgePullRequest>;
  review: z.ZodType<ForgeReview>;
  milestone: z.ZodType<ForgeMilestone>;
  /** A commit's message, as `/git/commits` tells it. */
  commitMessage: z.ZodType<string>;
  /** Those of all reviews of a pull request; of a forge that has them by review, those of the reviews given. */
  reviewComments(
    there: RepositoryAccess,
    of: { pullRequest: number; reviews: readonly ForgeReview[] },
  ): Promise<ForgeReviewComment[]>;
  /** A comment at a line of the new version, as a review that is posted has it. */
  commentAt(of: { file: string; line: number; body: string }): Record<string, unknown>;
  /**
   * Marks a comment as settled, or as open again. An account that may not do it leaves it to people: the body of the
   * review tells it too.
   */
  settleThread(there: RepositoryAccess, of: { thread: string; isSettled: boolean }): Promise<void>;
  reviewEvents: Record<Review['verdict'] | 'comment', string>;
  branchHead(there: RepositoryAccess, branch: string): Promise<string | undefined>;
  branchProtection(there: RepositoryAccess, branch: string): Promise<BranchProtection | undefined>;
  commitStatuses(there: RepositoryAccess, sha: string): Promise<CiContext[]>;
  /** See `Forge`. */
  failureLog?(there: RepositoryAccess, of: { sha: string; context: string }): Promise<string | undefined>;
  runningPipelines?(there: RepositoryAccess, branch: string): Promise<string[]>;
  /** The newest issues of an account, and whether there may be others. */
  newestIssues(there: RepositoryAccess, login: string): Promise<{ issues: ForgeIssue[]; areAll: boolean }>;
  /** Older ones, by words of theirs; what was made a moment ago may be missing. */
  issuesWith(there: RepositoryAccess, of: { login: string; words: string }): Promise<ForgeIssue[]>;
  /** Asks for the pull requests of a branch; others in the answer do no harm. Closed ones come with the newest first. */
  pullsQuery(
    there: RepositoryAccess,
    of: { branch: string; base: string; state: 'open' | 'closed' },
  ): Record<string, string>;
  milestonesQuery(title: string): Record<string, string>;
  /** The commit that a tag stands on. */
  tagHead(there: RepositoryAccess, name: string): Promise<string | undefined>;
  makeTag(there: RepositoryAccess, of: { name: string; sha: string }): Promise<Answer<unknown>>;
  /** Whether it was not made because there is one already. */
  isThere(refusal: Refusal): boolean;
  /** Squash-merges the pull request, pinned to its head. */
  requestMerge(
    there: RepositoryAccess,
    of: { pullRequest: number; headSha: string; title: string; message: string },
  ): Promise<Answer<unknown>>;
  /** Whether the refusal of a merge may pass, or is explained by another look. Anything else is for a person. */
  mayPass(refusal: Refusal): boolean;
  /** How long after such a refusal it is asked again. */
  checkAgainMs: number;
}
