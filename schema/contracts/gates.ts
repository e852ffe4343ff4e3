import { z } from 'zod';

/**
 * The chain that every task walks, in this order. A new head goes back to `verify-delivery`. The lane has a queue guard of its own, just before the merge.
 */
export const gates = [
  'intake',
  'implement',
  'verify-delivery',
  'queue-guard',
  'push',
  'open-pull-request',
  'review-and-ci',
  'go-ahead',
  'merge-lane',
  'verify-merge',
  'close-issue',
  'clean-up',
  'done',
] as const;
export const Gate = z.enum(gates);
export type Gate = z.infer<typeof Gate>;

export const TaskStatus = z.enum([
  'waiting',
  'running',
  'blocked',
  'merged',
  'no-change',
  'skipped',
  'abandoned',
  'cancelled',
  'failed',
  /** Taken out of the plan for now, by an amendment; `move` brings it back. */
  'deferred',
]);
export type TaskStatus = z.infer<typeof TaskStatus>;

export const MissionStatus = z.enum([
  'starting',
  'running',
  'paused',
  'completed',
  'incomplete',
  'cancelled',
]);
export type MissionStatus = z.infer<typeof MissionStatus>;

/** Whether a mission's workflow is still at work. */
export function isOpen(status: MissionStatus): boolean {
  return status === 'starting' || status === 'running' || status === 'paused';
}

/** What a task waits on, for whom, and since when (milliseconds since 1970, by the workflow's clock). */
export const Wait = z.object({
  gate: Gate,
  on: z.string(),
  for: z.enum(['agent', 'quota', 'reviewer', 'ci', 'forge', 'lane', 'person', 'engine']),
  since: z.number(),
  /** Of a wait for a person that is no answer to a block or a question. Missing from views of before it was kept. */
  about: z.enum(['held', 'red-base', 'go-ahead']).optional(),
  /** What of CI is late at this moment. Never recorded: the API asks for it where somebody looks at a mission. */
  late: z.string().optional(),
});
export type Wait = z.infer<typeof Wait>;

/** A wait without its place and time. */
export type Waiting = Pick<Wait, 'on' | 'for' | 'about'>;

/** A wait that is over. */
export const PastWait = Wait.extend({ until: z.number() });
export type PastWait = z.infer<typeof PastWait>;

/** Whether a task's dependents may start: its work is on the base branch, or there was none to do. */
export function isSatisfied(status: TaskStatus): boolean {
  return status === 'merged' || status === 'no-change' || status === 'skipped';
}

/** Whether a task has a workflow of its own at this moment. */
export function isActive(status: TaskStatus): boolean {
  return status === 'running' || status === 'blocked';
}

export function isEnded(status: TaskStatus): boolean {
  return !isActive(status) && status !== 'waiting' && status !== 'deferred';
}
