/**
 * What workflows ask of the world. The activities implement these interfaces; the direction of dependency is
 * theirs to us.
 */
import type { Usage } from '../schema/contracts/agent.ts';
import type { CiReport, CiRules, CiVerdict } from '../schema/contracts/ci.ts';
import type { HostFacts, HostState } from '../schema/contracts/host.ts';
import type { Breach } from '../schema/contracts/law.ts';
import type { EngineFacts, MergeRequest } from '../schema/contracts/messages.ts';
import type { Reviewer } from '../schema/contracts/mission-file.ts';
import type { PlannedRepository, Program, StartedTask } from '../schema/contracts/plan.ts';
import type { Finding, FindingAnswer, KnownFinding, Review, Ruling } from '../schema/contracts/review.ts';
import type { SessionSummary } from '../schema/contracts/session.ts';
import type { SweepInput, SweepReport } from '../schema/contracts/sweep.ts';
import type { Recorded, RecordedMission, TaskView } from '../schema/contracts/views.ts';

export type ReviewerRole = NonNullable<Reviewer['role']>;

/** The place of an effect: which task of which mission, on which repository. */
export interface TaskPlace {
  tenant: string;
  mission: string;
  task: string;
  repository: PlannedRepository;
  branch: string;
}

/** The same of a mission's own effects. */
export type MissionPlace = Pick<TaskPlace, 'tenant' | 'mission' | 'repository'>;

/** A milestone as the forge is told of it. */
export interface NamedMilestone {
  id: string;
  title: string;
}

export interface VerifyMilestoneInput {
  place: MissionPlace;
  milestone: string;
  /** Counts the verifications of a mission; each has its own run of the checks. */
  round: number;
  sha: string;
  checks: string[];
  checksTimeoutSeconds: number;
}

export type MilestoneVerdict = { kind: 'green' } | { kind: 'red'; message: string; excerpt: string };

/** What a session is told of an earlier attempt. */
export interface Feedback {
  gate: string;
  message: string;
  findings: Finding[];
  excerpt: string | null;
}

export interface RunSessionInput {
  place: TaskPlace;
  host: string;
  sessionId: string;
  launch: number;
  task: StartedTask;
  feedback: Feedback[];
  guidance: string[];
  /** What reviewers have found so far. Missing from what version 0.4 and older have scheduled. */
  findings?: KnownFinding[];
  timeoutSeconds: number;
  /** What an agent is ended at when it has used so much. */
  limits?: { tokens?: number; costUsd?: number };
  /** How long an agent may say nothing. Version 0.2 and older know no agents. */
  stallSeconds?: number;
  /** The conversation of earlier sessions that this one goes on with, and what they were seen to use. */
  resumes?: { conversation: string; used: Usage };
  /** Where the task stands, of a session that follows one that was lost and knows nothing of it. */
  handoff?: string;
}

export interface AnswerQuestionInput {
  sessionId: string;
  question: string;
  option: string;
  by: string;
}

export interface VerifyDeliveryInput {
  place: TaskPlace;
  /** The session whose commits are judged; null: whatever the forge has on the branch. */
  sessionId: string | null;
  /** Counts the verifications of a task; each has its own run of the checks. */
  round: number;
  checks: string[];
  checksTimeoutSeconds: number;
  /** What the change may touch; see the mission file. */
  paths?: string[];
  /** Paths that reviewers with a role are called by, as git reads a pathspec of the kind `:(glob)`. */
  watched?: string[];
  /** What two persons must agree to; see the policy. */
  twoPersons?: string[];
}

export interface Delivered {
  kind: 'delivered';
  headSha: string;
  baseSha: string;
  commits: number;
  touchesJudge: boolean;
  /** Those of the watched paths that it changes. */
  touched?: string[];
  /** What no configuration loosens. Missing where nothing is broken, and from what version 0.3 has recorded. */
  breaches?: Breach[];
  /** The change touches what two persons must agree to. */
  needsTwo?: boolean;
  /** Of the head. Missing from what version 0.3 has recorded. */
  tree?: string | undefined;
  /** What the author says to the findings that it was told of. */
  answers?: FindingAnswer[];
  /** Why what the author says to them could not be read. */
  unreadAnswers?: string;
}

export type Delivery =
  | Delivered
  | { kind: 'no-change-needed'; reason: string }
  /** `headSha`: commits that are there and don't count. */
  | { kind: 'nothing-delivered'; message: string; signature: string; headSha?: string }
  | { kind: 'checks-failed'; headSha: string; check: string; message: string; excerpt: string };

/** `diverged`: the branch has a head that is not in what was to be pushed. */
export type PushOutcome = { kind: 'pushed' } | { kind: 'diverged'; headSha: string };

export interface ReviewInput {
  place: TaskPlace;
  host: string;
  sessionId: string;
  engine: string;
  task: StartedTask;
  pullRequest: number;
  headSha: string;
  baseSha: string;
  timeoutSeconds: number;
  /** What an agent is ended at when it has used so much. Version 0.3 and older know no agents that review. */
  limits?: { tokens?: number; costUsd?: number };
  /** How long an agent may say nothing. */
  stallSeconds?: number;
  /** Why its mission calls it beside the two. */
  role?: ReviewerRole;
  /** The sessions and conversations that the change was written in. Missing from what version 0.3 has scheduled. */
  authors?: string[];
  /** What was wrong with its last answer. */
  malformed?: string;
  /** The conversation that it goes on with, where that began, and what was seen to be used in it. */
  resumes?: { conversation: string; used: Usage; session: string };
  /** What reviewers have found so far. Missing from what version 0.4 and older have scheduled. */
  earlier?: KnownFinding[];
}

/** A malformed answer and a reviewer that could not run are no verdicts: the gate fails closed. */
export type ReviewOutcome =
  | { kind: 'reviewed'; review: Review; session: SessionSummary }
  /** `malformed`: what was wrong with its answer, for itself. */
  | { kind: 'no-verdict'; reason: string; session: SessionSummary; malformed?: string };

export type JudgeInput = Omit<ReviewInput, 'pullRequest' | 'role' | 'malformed' | 'resumes' | 'earlier'> & {
  /** What the author says is not so, each with its history. */
  disputed: KnownFinding[];
};

/** `rulings`: on those of the disputed that it could decide. `fault`: why there are none. */
export interface JudgeOutcome {
  session: SessionSummary;
  rulings: Ruling[];
  fault?: string;
}

export interface CiInput {
  place: Pick<TaskPlace, 'tenant' | 'repository'>;
  sha: string;
  /** The commit whose pipeline file counts: the base, never the change itself. */
  stepsAt: string;
  /** What the mission asks of CI. Missing from what version 0.3 has scheduled. */
  ci?: CiRules;
  /** When the commit was first waited for, in milliseconds; without it, when this was scheduled. */
  since?: number;
}

export type UpdateOutcome =
  | { kind: 'ready'; headSha: string; baseSha: string; updated: boolean }
  | { kind: 'head-moved'; headSha: string | null }
  | { kind: 'conflict'; files: string[] }
  /** The pull request is merged at an approved head already, and the base holds that. */
  | { kind: 'merged'; headSha: string; mergeSha: string; baseSha: string }
  /** Nothing was done: it would not be what was tested. */
  | { kind: 'not-covered' };

/** What a batch has tested of one member: the tree of its head, on that very base. */
export interface Covered {
  tree: string;
  baseSha: string;
}

/** Several heads, one on the other on that base. `trees` are those of who fits, in order. */
export type BatchOutcome =
  | { kind: 'opened'; branch: string; headSha: string; trees: { id: string; tree: string }[] }
  | { kind: 'not-possible'; reason: string };

/** A pull request of the lane's own, on exactly that base. */
export type RevertOutcome =
  | { kind: 'opened'; branch: string; headSha: string; baseSha: string; pullRequest: number }
  | { kind: 'not-possible'; reason: string };

/** The lane's own pull request that takes a merge back, merged by whomever. */
export type FoundRevert =
  | { kind: 'merged'; branch: string; headSha: string; pullRequest: number; revertSha: string }
  | { kind: 'not-merged' };

export type MergeResult =
  | { kind: 'merged'; mergeSha: string }
  | { kind: 'base-moved' }
  | { kind: 'head-moved'; headSha: string | null }
  | { kind: 'closed' };

/** What a session asks for before it starts. */
export interface PlaceRequest {
  engine: EngineFacts;
  place: Pick<TaskPlace, 'mission' | 'task' | 'repository'>;
  sessionId: string;
  /** What it may run: the task's own program, and then those that stand in for it where that one is shut out. */
  programs: Program[];
  /** What its host must have. */
  labels: string[];
  /** Of a reviewer: the one host that it runs on. It waits there for a slot, so its account alone decides. */
  at?: string;
  /** Where the task's clone and conversation are. */
  current: string;
  /** Whether commits lie there that are nowhere else: then a host that is full is waited for. */
  unpushed: boolean;
  /** Of the mission: 1 is served first. */
  priority: number;
}

/** A host that a session may start on. Its account is null for what is no agent. */
export interface Placed {
  kind: 'placed';
  host: string;
  /** See `HostFacts`. */
  leaseSeconds: number | null;
  program: Program;
  account: string | null;
}

export type Placement =
  | Placed
  /** All that fits is taken for now, or does not answer; `on` says what. */
  | { kind: 'full'; on: string }
  /** The account is rate-limited. */
  | { kind: 'closed'; on: string; until: number }
  /** No host that is known could ever run it. */
  | { kind: 'nowhere'; reason: string };

/** Who works where, within the limits of hosts and accounts. */
export interface PlaceActivities {
  /** One look. Asked again for a session that has a place, it answers the same. */
  placeSession(input: PlaceRequest): Promise<Placement>;
  /** Looks until there is another answer than `full`. */
  awaitPlace(input: PlaceRequest): Promise<Placement>;
  /** What became of a host; undefined: it was never known. */
  stateOfHost(input: { engine: EngineFacts; host: string }): Promise<{ state: HostState | undefined }>;
}

/** Short, idempotent writes to the read model, as local activities. */
export interface RecordActivities {
  recordMission(input: RecordedMission): Promise<void>;
  recordTask(input: Recorded<TaskView>): Promise<void>;
}

/** The same of hosts. */
export interface HostRecords {
  registerHost(facts: HostFacts): Promise<{ kind: 'registered' } | { kind: 'refused'; reason: string }>;
  recordHostState(input: { name: string; identity: string; state: HostState }): Promise<void>;
}

/** What a host answers that is looked after. */
export interface AttendanceActivities {
  /**
   * Heartbeats for as long as the host's process lives. Ends when the host has nothing to do any more (`idle`), when it
   * has left as well (`left`), or only when it is cancelled (`asked`).
   */
  attend(input: { until: 'asked' | 'idle' | 'left' }): Promise<void>;
  isThere(input: undefined): Promise<void>;
}

export interface ForgeActivities {
  openIssue(input: {
    place: TaskPlace;
    title: string;
    goal: string;
    milestone?: NamedMilestone;
  }): Promise<{ number: number }>;
  closeIssue(input: { place: TaskPlace; number: number; comment: string }): Promise<void>;
  openPullRequest(input: {
    place: TaskPlace;
    title: string;
    goal: string;
    issue: number;
    /** The newest of the task that is over, since its merge was reverted. */
    after?: number;
  }): Promise<{ number: number }>;
  /**
   * Closes a pull request that was not merged, ends the CI of the task's heads, and deletes the branch if it is at one
   * of them. `headSha` is the newest; what version 0.1 has scheduled names no others.
   */
  tidyForge(input: {
    place: TaskPlace;
    headSha: string | null;
    earlierHeads?: string[];
    pullRequest: number | null;
  }): Promise<void>;
}

/** What a mission tells the forge by itself. Each can be repeated: it finds what is there. */
export interface MilestoneActivities {
  /** A milestone for each, where the forge has such, and an issue for each task. */
  openMilestones(input: {
    place: MissionPlace;
    milestones: (NamedMilestone & { tasks: { id: string; title: string; goal: string }[] })[];
  }): Promise<void>;
  /** Closes a milestone; with `release` it also tags that commit, and releases the tag where the forge has such. */
  closeMilestone(input: {
    place: MissionPlace;
    milestone: NamedMilestone;
    release?: { tag: string; title: string | null; notes: string; sha: string };
  }): Promise<{ tag: string | null }>;
}

export interface CiActivities {
  awaitCi(input: CiInput): Promise<CiReport>;
  /** Waits until the base branch has no pipeline pending, and, where asked, until it is green. */
  guardQueue(input: {
    place: Pick<TaskPlace, 'tenant' | 'repository'>;
    mustBeGreen: boolean;
    requireCi: boolean;
    /** Then it fails, with what it has waited for; without it, it waits for as long as that takes. */
    waitAtMostSeconds?: number;
  }): Promise<{
    baseSha: string;
    /** Missing from what version 0.3 and older have recorded: it was good enough. */
    verdict?: CiVerdict;
  }>;
}

export interface MergeActivities {
  /** Whether a task is still at work; one that was terminated can't say so itself. */
  isOpen(input: { workflowId: string }): Promise<{ open: boolean }>;
  requestMerge(input: {
    engine: EngineFacts;
    repository: PlannedRepository;
    request: MergeRequest;
  }): Promise<void>;
  updateBranch(input: {
    tenant: string;
    repository: PlannedRepository;
    request: MergeRequest;
    headSha: string;
    /** With it nothing is done that comes to another tree, or is on another base. */
    covered?: Covered;
  }): Promise<UpdateOutcome>;
  /** Puts heads that are to be tested together on a branch of their own. Asked again, it is the same. */
  openBatch(input: {
    tenant: string;
    repository: PlannedRepository;
    requests: MergeRequest[];
    baseSha: string;
  }): Promise<BatchOutcome>;
  /** Takes a merge back on a branch of its own, with a pull request. Asked again, it is the same. */
  openRevert(input: {
    tenant: string;
    repository: PlannedRepository;
    request: MergeRequest;
    mergeSha: string;
    reason: string;
  }): Promise<RevertOutcome>;
  /** Whether that pull request was merged, and nothing of the merge was left then. */
  findRevert(input: {
    tenant: string;
    repository: PlannedRepository;
    request: MergeRequest;
    mergeSha: string;
  }): Promise<FoundRevert>;
  merge(input: {
    tenant: string;
    repository: PlannedRepository;
    request: MergeRequest;
    headSha: string;
    baseSha: string;
  }): Promise<MergeResult>;
}

/** What happens on the machine that has the task's clone. */
export interface HostActivities {
  /** Fails as `DiskShort` where there is no room to begin in. */
  runSession(input: RunSessionInput): Promise<SessionSummary>;
  /** Ends when there is room for another session. */
  awaitRoom(input: undefined): Promise<void>;
  /** Gives a session that waits for it a person's answer. Given again, it is the same answer. */
  answerQuestion(input: AnswerQuestionInput): Promise<void>;
  verifyDelivery(input: VerifyDeliveryInput): Promise<Delivery>;
  /** Runs a milestone's own checks in a clean checkout of the base. */
  verifyMilestone(input: VerifyMilestoneInput): Promise<MilestoneVerdict>;
  pushBranch(input: { place: TaskPlace; headSha: string }): Promise<PushOutcome>;
  review(input: ReviewInput): Promise<ReviewOutcome>;
  /** Has an engine that neither wrote a change nor reads it decide what author and reviewers disagree on. */
  judgeDisputes(input: JudgeInput): Promise<JudgeOutcome>;
  /** Ends whatever of the task still runs, and removes its clone. */
  cleanUp(input: { place: TaskPlace }): Promise<void>;
}

export interface SweepActivities {
  /** Looks for what nobody owns any more on the machine that it runs on, and cleans it up. Safe to do again. */
  sweepHost(input: SweepInput): Promise<SweepReport>;
}
