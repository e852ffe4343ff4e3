import { z } from 'zod';
import { CiContext, CiVerdict } from './ci.ts';
import { Gate, MissionStatus, PastWait, TaskStatus, Wait } from './gates.ts';
import { LiftedBreach } from './law.ts';
import { GoAheadSurface, Sha, taskBranch } from './names.ts';
import type { Plan } from './plan.ts';
import { EscalationKind, PastQuestion, Question } from './question.ts';
import { KnownFinding, Review } from './review.ts';
import { SessionSummary } from './session.ts';

/** How many persons have given their go-ahead for a head, and how many must. */
const Standing = z.object({ given: z.int(), needed: z.int() });

/** A go-ahead is for one commit; a new head voids it. */
export const GoAhead = z.object({
  sha: Sha,
  by: z.string(),
  /** Through what it was given. */
  via: z.enum([...GoAheadSurface.options, 'temporal', 'policy']),
  at: z.number(),
  /** In the answer to whoever gives it: how many there are with this one. Missing where one is enough. */
  standing: Standing.optional(),
});
export type GoAhead = z.infer<typeof GoAhead>;

/** Why a gate sent the task back. `signature` tells whether a later failure is the same one. */
export const GateFailure = z.object({
  gate: Gate,
  signature: z.string(),
  message: z.string(),
  sha: Sha.nullable(),
  /** The check that was red, as it was run. Missing from failures of before it was kept. */
  check: z.string().optional(),
});
export type GateFailure = z.infer<typeof GateFailure>;

/** Everything the engine knows of one task at one moment. Kept as a whole, so that projecting it is one upsert. */
export const TaskView = z.object({
  id: z.string(),
  milestone: z.string(),
  title: z.string(),
  status: TaskStatus,
  gate: Gate,
  waits: Wait.nullable(),
  /** The waits that are over, oldest first; the newest 50. */
  waited: z.array(PastWait),
  issue: z.number().nullable(),
  branch: z.string(),
  headSha: Sha.nullable(),
  pullRequest: z.number().nullable(),
  mergeSha: Sha.nullable(),
  ci: CiVerdict.nullable(),
  mergeCi: CiVerdict.nullable(),
  /** What a task that is done is done by. Missing until something of it is there, and from views of before it was kept. */
  evidence: z
    .object({
      merge: z.object({ sha: Sha, at: z.number() }),
      /** The commit of the base that was seen green; the merge itself, unless the lane could not look. */
      base: z.object({ sha: Sha, verdict: CiVerdict.nullable(), at: z.number() }),
      /** The issue that was closed. */
      issue: z.object({ number: z.number(), at: z.number() }),
    })
    .partial()
    .optional(),
  /** What each context said of a head when CI was last heard of. */
  statuses: z.object({ sha: Sha, contexts: z.array(CiContext.pick({ name: true, state: true })) }).optional(),
  reviews: z.array(Review),
  /** What reviewers have found in all rounds, and what became of it. Views of version 0.4 and older have none. */
  findings: z.array(KnownFinding).default([]),
  /** The one by which the head may be merged: the last of those that are needed. */
  goAhead: GoAhead.nullable(),
  /** All that were given, oldest first, for whichever head. Views of before they were kept have none. */
  goAheads: z.array(GoAhead).default([]),
  /** How many of them count for the head, where one is not enough. Null, and missing from older views, where it is. */
  standing: Standing.nullable().default(null),
  sessions: z.array(SessionSummary),
  /** What a person is asked, by agents and by the engine. Views of before it was asked have none. */
  questions: z.array(Question).default([]),
  /** What it is asked no more, the newest 20: whoever answers late is told. Views of before it was kept have none. */
  asked: z.array(PastQuestion).default([]),
  /** What breaks a law and was let through, at which commit and by whom. Views of before laws have none. */
  lifted: z.array(LiftedBreach).default([]),
  failures: z.array(GateFailure),
  /** Why the task is blocked, or why it ended without a merge. */
  reason: z.string().nullable(),
  /** For what kind of thing a blocked task asks a person, and since when (milliseconds since 1970). */
  blocked: z.object({ about: EscalationKind, at: z.number() }).nullable().default(null),
  /** In milliseconds since 1970. Missing until then, and from views of before it was kept. */
  endedAt: z.number().optional(),
});
export type TaskView = z.infer<typeof TaskView>;

/** A task of which nothing has happened yet. */
export function initialTaskView(of: {
  mission: string;
  milestone: string;
  id: string;
  title: string;
}): TaskView {
  return {
    id: of.id,
    milestone: of.milestone,
    title: of.title,
    status: 'waiting',
    gate: 'intake',
    waits: null,
    waited: [],
    issue: null,
    branch: taskBranch({ mission: of.mission, task: of.id }),
    headSha: null,
    pullRequest: null,
    mergeSha: null,
    ci: null,
    mergeCi: null,
    reviews: [],
    findings: [],
    goAhead: null,
    goAheads: [],
    standing: null,
    sessions: [],
    questions: [],
    asked: [],
    lifted: [],
    failures: [],
    reason: null,
    blocked: null,
  };
}

/** Whether a person has to do something before the task goes on. */
export function needsPerson(view: Pick<TaskView, 'waits' | 'questions'>): boolean {
  return view.waits?.for === 'person' || view.questions.length > 0;
}

export const MissionView = z.object({
  id: z.string(),
  title: z.string(),
  status: MissionStatus,
  repository: z.object({ id: z.string(), forge: z.string(), address: z.string(), base: z.string() }),
  milestone: z.string().nullable(),
  /** Who has paused the mission, and why; null while it runs. */
  paused: z
    .object({ by: z.string(), reason: z.string().nullable(), at: z.number() })
    .nullable()
    .default(null),
  /** The pauses of the engine's own that are over, the newest 20. Views of before they were kept have none. */
  asked: z.array(PastQuestion).default([]),
  reason: z.string().nullable(),
});
export type MissionView = z.infer<typeof MissionView>;

/** A mission of which nothing has happened yet. */
export function initialMissionView(
  plan: Pick<Plan, 'mission' | 'title' | 'repository'>,
  status: MissionStatus,
): MissionView {
  const { id, forge, address, base } = plan.repository;
  return {
    id: plan.mission,
    title: plan.title,
    status,
    repository: { id, forge, address, base },
    milestone: null,
    paused: null,
    asked: [],
    reason: null,
  };
}

/** One line of a mission's story. `seq` counts within the mission, without gaps. */
export const MissionEvent = z.object({
  seq: z.number(),
  at: z.number(),
  task: z.string().nullable(),
  type: z.enum([
    'mission-started',
    'milestone-started',
    'milestone-completed',
    'paused',
    'resumed',
    'amended',
    'cancelling',
    'mission-ended',
    'gate-entered',
    'waiting',
    'session-started',
    'session-ended',
    'delivered',
    'reviewed',
    'ci',
    'go-ahead',
    'sent-back',
    'blocked',
    'resolved',
    'asked',
    'answered',
    'reminded',
    'ignored',
    'merged',
    'task-ended',
  ]),
  message: z.string(),
});
export type MissionEvent = z.infer<typeof MissionEvent>;

/** Whether an event tells that its task has come to a gate. */
export function entersGate(event: Pick<MissionEvent, 'type' | 'message'>, gate: Gate): boolean {
  return event.type === 'gate-entered' && event.message.split(':')[0] === gate;
}

/** An event before the database has given it a place; `at` is the workflow's clock. */
export type NewEvent = Pick<MissionEvent, 'at' | 'type' | 'message'>;

/** What a workflow tells the read model. `seq` is the workflow's own count: older news never overwrites newer. */
export interface Recorded<View> {
  tenant: string;
  mission: string;
  seq: number;
  view: View;
  events: NewEvent[];
}

/** A task of the plan as it stands. `status` counts only for one of which nothing was recorded yet. */
export const TaskPlacement = z.object({
  id: z.string(),
  title: z.string(),
  milestone: z.string(),
  status: z.enum(['waiting', 'deferred']),
});
export type TaskPlacement = z.infer<typeof TaskPlacement>;

export interface RecordedMission extends Recorded<MissionView> {
  /**
   * After an amendment: all tasks in their order, the host that those will run on which are new, and the plan. Version
   * 0.4 and older tell no plan.
   */
  amended?: { host: string; tasks: TaskPlacement[]; plan?: Plan };
}
