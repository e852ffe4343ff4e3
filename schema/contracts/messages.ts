import { z } from 'zod';
import { Budget, Used } from './budget.ts';
import { CiReport, CiRules, CiVerdict } from './ci.ts';
import type { HostFacts, HostState } from './host.ts';
import { GoAheadSurface, Name, Sha } from './names.ts';
import type { Plan, PlannedChange, PlannedRepository, ReviewAgent, StartedTask } from './plan.ts';
import { Fallback, NoProgress, Priority, type Policy } from './mission-file.ts';
import { TaskStatus } from './gates.ts';
import { KnownFinding } from './review.ts';
import type { MissionOrigin } from './told.ts';
import type { MissionView } from './views.ts';

/** Workflow types and message names, shared by those who send and those who handle. */
export const workflowTypes = {
  mission: 'missionWorkflow',
  task: 'taskWorkflow',
  lane: 'mergeLaneWorkflow',
  host: 'hostWorkflow',
  sweep: 'sweepWorkflow',
} as const;

export const updates = {
  goAhead: 'merge-go-ahead',
  resolve: 'resolve',
  answer: 'answer',
  cancel: 'cancel',
  pause: 'pause',
  resume: 'resume',
  amend: 'amend',
  join: 'join',
  drain: 'drain',
} as const;

export const signals = {
  /** The go-ahead for those who have only the Temporal UI. */
  goAhead: 'merge-go-ahead-signal',
  mergeAnswer: 'merge-answer',
  mergeRequest: 'merge-request',
  mergeWithdrawal: 'merge-withdrawal',
  /** The mission tells its tasks to start no step, or to go on. */
  hold: 'hold',
  goOn: 'go-on',
  /** A task tells its mission what it has used, and the mission each task what the others have. */
  used: 'used',
  /** The mission tells its tasks that what its policy allows them was amended. */
  policy: 'policy',
  /** A session that runs tells its task what its agent asks of a person. */
  question: 'question',
} as const;

export const queries = {
  view: 'view',
  /** What the read model has been told, to rebuild it from. */
  told: 'told',
} as const;

/** What a workflow needs to know of the engine that started it. */
export interface EngineFacts {
  installation: string;
  tenant: string;
  host: string;
  /** False on a server where the attributes could not be registered: an unknown one would wedge the workflow. */
  searchAttributes: boolean;
  /** Whether the signal twin of the go-ahead counts: it bypasses the scope `merge:approve`. */
  goAheadBySignal: boolean;
  /** Whether sessions ask for a host and a seat before they start. Missing from missions of version 0.3 and older. */
  placement?: true;
  /** Whether missions tell the forge of their milestones. Missing from missions of version 0.3 and older. */
  milestones?: true;
}

export interface MissionInput {
  engine: EngineFacts;
  plan: Plan;
  /** What an earlier run of the same mission has done; it went on as new when its history was long. */
  soFar?: MissionProgress;
  /** Missing from missions that were started before the read model could be rebuilt. */
  origin?: MissionOrigin;
}

export interface MissionProgress {
  statuses: [task: string, TaskStatus][];
  results: TaskResult[];
  milestone: string | null;
  paused: MissionView['paused'];
  /** Missing where the engine has never paused it. */
  asked?: MissionView['asked'];
  /** How often the read model was told. */
  told: number;
  /** Updates that were taken; sent again, they are not taken again. */
  updates: string[];
  /** What each task has used. Missing where the tasks share no budget. */
  used?: [task: string, Used][];
}

export interface MissionResult {
  status: 'completed' | 'incomplete' | 'cancelled';
  tasks: TaskResult[];
}

export interface TaskInput {
  engine: EngineFacts;
  mission: string;
  milestone: string;
  repository: PlannedRepository;
  policy: Policy;
  task: StartedTask;
  /** Where the mission tells the forge of its milestones: the title of the task's. */
  milestoneTitle?: string;
  /** What the mission’s other tasks had used when this one was started, where they share a budget. */
  usedByOthers?: Used;
  /** See `Plan`. */
  reviewAgents?: ReviewAgent[];
}

export const TaskResult = z.object({
  task: z.string(),
  status: TaskStatus,
  mergeSha: z.string().nullable(),
  reason: z.string().nullable(),
  /** Missing from tasks of version 0.3 and older, and of those that have come to no end of their own. */
  used: Used.optional(),
  /** The number of the pull request that was merged. Missing from tasks of version 0.3 and older. */
  pullRequest: z.number().optional(),
  /** Findings that were put off by decision, where the task was merged with them: its mission gets a task for them. */
  deferred: z.array(KnownFinding).optional(),
});
export type TaskResult = z.infer<typeof TaskResult>;

export interface LaneInput {
  engine: EngineFacts;
  repository: PlannedRepository;
  requests?: MergeRequest[];
  /** Requests with a known outcome, so that one sent twice is answered once. */
  answered?: string[];
  /** Why the base lets nobody in, as those who wait were told. */
  redBase?: string;
}

export interface HostInput {
  installation: string;
  host: string;
  /** What an earlier run of the same workflow knew. */
  soFar?: { facts: HostFacts; state: HostState; draining: boolean };
}

/** One task's wish to merge one commit that has both approvals, green CI and the go-ahead. */
export const MergeRequest = z.object({
  id: z.string(),
  workflowId: z.string(),
  mission: z.string(),
  task: z.string(),
  title: z.string(),
  pullRequest: z.number(),
  branch: z.string(),
  headSha: Sha,
  approvals: z.array(z.object({ engine: z.string(), summary: z.string() })),
  requireCi: z.boolean(),
  ci: CiRules.optional(),
  /** The host whose disk a repository of the local forge is on. */
  host: z.string().optional(),
  /** The mission's; see the policy. Requests of version 0.3 and older have none. */
  priority: Priority.optional(),
  /** Whether a merge that turns the base red is reverted; see the policy. */
  redBase: z.enum(['stop', 'revert']).optional(),
  /** With how many it may be tested together; see the policy. */
  batch: z.int().optional(),
});
export type MergeRequest = z.infer<typeof MergeRequest>;

export const MergeWithdrawal = z.object({ id: z.string() });
export type MergeWithdrawal = z.infer<typeof MergeWithdrawal>;

/**
 * What the lane tells a task. `merged` is followed by `verified`, and where it was taken back by `reverted`; `too-late` answers a withdrawal and is followed by
 * the outcome; `base-red` and `base-green` say why it waits; every other kind is the last word on its request. `headSha` is where the lane has left the branch, if it
 * has moved it.
 */
export const MergeAnswer = z.discriminatedUnion('kind', [
  z.object({ id: z.string(), kind: z.literal('merged'), headSha: Sha, mergeSha: Sha }),
  z.object({ id: z.string(), kind: z.literal('verified'), verdict: CiVerdict, green: z.boolean() }),
  z.object({ id: z.string(), kind: z.literal('head-moved'), headSha: Sha.nullable() }),
  z.object({
    id: z.string(),
    kind: z.literal('conflict'),
    files: z.array(z.string()),
    headSha: Sha.optional(),
  }),
  z.object({ id: z.string(), kind: z.literal('ci-failed'), headSha: Sha, report: CiReport }),
  z.object({ id: z.string(), kind: z.literal('failed'), reason: z.string(), headSha: Sha.optional() }),
  z.object({ id: z.string(), kind: z.literal('withdrawn'), headSha: Sha.optional() }),
  z.object({ id: z.string(), kind: z.literal('too-late') }),
  z.object({ id: z.string(), kind: z.literal('reverted'), revertSha: Sha, reason: z.string() }),
  z.object({ id: z.string(), kind: z.literal('base-red'), reason: z.string() }),
  z.object({ id: z.string(), kind: z.literal('base-green') }),
]);
export type MergeAnswer = z.infer<typeof MergeAnswer>;

/** The go-ahead for exactly one commit. Without `via` it came through the API. */
export const GoAheadRequest = z.object({ headSha: Sha, by: Name, via: GoAheadSurface.optional() });
export type GoAheadRequest = z.infer<typeof GoAheadRequest>;

/** The answer to a blocked task: try the step again, go on without the task, or give it up. */
export const Resolution = z.object({
  action: z.enum(['retry', 'skip', 'abandon']),
  guidance: z.string().max(4_000).optional(),
  by: Name,
  /** Of which block, by its beginning (`TaskView.blocked`). Without it: of that which there is. */
  since: z.number().optional(),
});
export type Resolution = z.infer<typeof Resolution>;

/** In answer to which pause, by its beginning (`MissionView.paused`). Without it: whether the mission is paused or not. */
const PausedSince = z.number().optional();

export const PauseRequest = z.object({ by: Name, reason: z.string().max(1_000).optional() });
export type PauseRequest = z.infer<typeof PauseRequest>;

/** What a mission that is paused tells its tasks. */
export const Hold = z.object({ by: Name });
export type Hold = z.infer<typeof Hold>;

/** What a mission whose policy was amended tells its tasks; null is without it. */
export const AmendedPolicy = z.object({
  budget: Budget.nullable(),
  noProgress: NoProgress.nullable(),
  fallback: Fallback.nullable(),
  usedByOthers: Used,
});
export type AmendedPolicy = z.infer<typeof AmendedPolicy>;

export const ResumeRequest = z.object({ by: Name, since: PausedSince });
export type ResumeRequest = z.infer<typeof ResumeRequest>;

/** An amendment after the door: its tasks are complete. */
export interface AmendRequest {
  by: string;
  reason: string;
  changes: PlannedChange[];
}

export interface DrainRequest {
  by: string;
}

export const CancelRequest = z.object({
  by: Name,
  reason: z.string().max(1_000).optional(),
  since: PausedSince,
});
export type CancelRequest = z.infer<typeof CancelRequest>;
