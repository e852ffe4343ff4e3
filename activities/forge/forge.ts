import type { CiContext } from '../../schema/contracts/ci.ts';
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

/** The driver of a repository's forge. */
export type Forges = (repository: PlannedRepository) => Forge;

/** What a merge came to. A refusal is an answer, not an error: the lane acts on it. */
export type MergeOutcome =
  | { kind: 'merged'; mergeSha: string }
  | { kind: 'head-moved'; headSha: string | null }
  | { kind: 'base-moved'; baseSha: string }
  | { kind: 'closed' };

/** A pull request's head as it was merged, and the commit on the base that came of it. */
export interface MergedHead {
  headSha: string;
  mergeSha: string;
}

export interface ReviewPosting {
  repository: PlannedRepository;
  pullRequest: number;
  review: Review;
  /** It stands for another head already, and says nothing new: comments at lines are left as they are. */
  repeats?: true;
}

/** What a forge itself asks of a pull request before it lets it onto a branch. */
export interface BranchProtection {
  /** Names of contexts; `*` stands for any characters in them. */
  requiredContexts: string[];
  requiredApprovals: number;
}

export interface Milestone {
  id: number;
  state: 'open' | 'closed';
}

/**
 * Where repository, issues and pull requests live. One driver a forge; every method can be repeated: it looks
 * before it acts, so that a second call finds what the first one made. What only some forges have is optional.
 */
export interface Forge {
  /** The head of a branch as the forge has it now. */
  branchHead(of: { repository: PlannedRepository; branch: string }): Promise<string | undefined>;
  findOrCreateIssue(of: {
    repository: PlannedRepository;
    marker: string;
    title: string;
    body: string;
    /** The id of the milestone that a new one belongs to. */
    milestone?: number | undefined;
  }): Promise<Issue>;
  closeIssue(of: { repository: PlannedRepository; number: number; comment: string }): Promise<void>;
  /** The open or merged pull request of a branch; undefined while there is none. */
  findPullRequest(of: { repository: PlannedRepository; branch: string }): Promise<PullRequest | undefined>;
  /** The same, or opens one. */
  findOrOpenPullRequest(of: {
    repository: PlannedRepository;
    branch: string;
    title: string;
    body: string;
    /** What has this number or a lower one is over, and counts as none. */
    after?: number | undefined;
  }): Promise<PullRequest>;
  updatePullRequest(of: {
    repository: PlannedRepository;
    number: number;
    title: string;
    body: string;
  }): Promise<void>;
  closePullRequest(of: { repository: PlannedRepository; number: number }): Promise<void>;
  /**
   * Puts a review on the pull request, once for each engine and commit: findings that name a line of its diff at that
   * line, and each of them once in all rounds. What an engine finds no more is told as fixed.
   */
  postReview(of: ReviewPosting): Promise<void>;
  /** Squash-merges exactly `headSha` onto exactly `baseSha`, which it was tested on, or says why not. */
  merge(of: {
    repository: PlannedRepository;
    pullRequest: number;
    headSha: string;
    baseSha: string;
    title: string;
    effectKey: string;
  }): Promise<MergeOutcome>;
  /** The merge of a pull request, whoever has made it; undefined while there is none. */
  findMerge(of: { repository: PlannedRepository; pullRequest: number }): Promise<MergedHead | undefined>;
  /** The newest word on each context of a commit. */
  commitStatuses(of: { repository: PlannedRepository; sha: string }): Promise<CiContext[]>;
  /** The log of the job behind a failed context, or its end; undefined where the forge has none of it. */
  failureLog?(of: {
    repository: PlannedRepository;
    sha: string;
    context: string;
  }): Promise<string | undefined>;
  /** What the forge's own CI runs, or has in its queue, for pushes to a branch, whether it has posted a status or not. */
  runningPipelines?(of: { repository: PlannedRepository; branch: string }): Promise<string[]>;
  /** Undefined for a branch that is not protected. */
  branchProtection?(of: {
    repository: PlannedRepository;
    branch: string;
  }): Promise<BranchProtection | undefined>;
  findOrCreateMilestone?(of: {
    repository: PlannedRepository;
    title: string;
    description: string;
  }): Promise<Milestone>;
  closeMilestone?(of: { repository: PlannedRepository; id: number }): Promise<void>;
  /** Refused where the tag stands on another commit: tags are not moved. */
  findOrCreateTag(of: { repository: PlannedRepository; name: string; sha: string }): Promise<void>;
  /** The release of a tag that is there. */
  findOrCreateRelease?(of: {
    repository: PlannedRepository;
    tag: string;
    title: string;
    notes: string;
  }): Promise<{ id: number }>;
  /** Deletes a branch if it is at that head, and no other; one that is gone is no error. */
  deleteBranch(of: { repository: PlannedRepository; branch: string; head: string }): Promise<void>;
}
