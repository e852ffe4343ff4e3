import type { PlannedRepository } from '../../schema/contracts/plan.ts';
import type { Review } from '../../schema/contracts/review.ts';

export interface Issue {
  number: number;
  state: 'open' | 'closed';
}

export interface PullRequest {
  number: number;
  branch: string;
  state: 'open' | 'merged' | 'closed';
  mergeSha: string | null;
}

/** What a merge came to. A refusal is an answer, not an error: the lane acts on it. */
export type MergeOutcome =
  | { kind: 'merged'; mergeSha: string }
  | { kind: 'head-moved'; headSha: string | null }
  | { kind: 'base-moved'; baseSha: string }
  | { kind: 'closed' };

/**
 * Where repository, issues and pull requests live. One driver a forge; every method can be repeated: it looks
 * before it acts, so that a second call finds what the first one made.
 */
export interface Forge {
  /** The head of a branch as the forge has it now. */
  branchHead(of: { repository: PlannedRepository; branch: string }): Promise<string | undefined>;
  findOrCreateIssue(of: {
    repository: PlannedRepository;
    marker: string;
    title: string;
    body: string;
  }): Promise<Issue>;
  closeIssue(of: { repository: PlannedRepository; number: number; comment: string }): Promise<void>;
  /** Finds the open or merged pull request of a branch, or opens one. */
  findOrOpenPullRequest(of: {
    repository: PlannedRepository;
    branch: string;
    title: string;
    body: string;
  }): Promise<PullRequest>;
  closePullRequest(of: { repository: PlannedRepository; number: number }): Promise<void>;
  /** Puts a review on the pull request, once for each engine and commit. */
  postReview(of: { repository: PlannedRepository; pullRequest: number; review: Review }): Promise<void>;
  /** Squash-merges exactly `headSha` onto exactly `baseSha`, which it was tested on, or says why not. */
  merge(of: {
    repository: PlannedRepository;
    pullRequest: number;
    headSha: string;
    baseSha: string;
    title: string;
    effectKey: string;
  }): Promise<MergeOutcome>;
  /** Deletes a branch that is at one of the heads; what somebody else has pushed stays. */
  deleteBranch(of: { repository: PlannedRepository; branch: string; heads: string[] }): Promise<void>;
}
