import { describeHandoffTask } from '../schema/contracts/handoff-text.ts';
import { handoffTask } from '../schema/contracts/handoff.ts';
import type { SessionSummary } from '../schema/contracts/session.ts';
import type { TaskState } from './task-state.ts';

/**
 * What a session is told that knows nothing of the one before it, since that was lost: the task's part of a handoff, as
 * people read it. One that goes on with its conversation knows it all. `host` is where it runs.
 */
export function briefAfterLoss(
  task: TaskState,
  of: { host: string; isResumed: boolean },
): { handoff?: string } {
  const { input, place, view } = task;
  const last = view.sessions.findLast(({ role }) => role === 'author');
  if (of.isResumed || !last || !isLost(last, of.host)) return {};
  const { checks } = input.task;
  const why = { mission: place.mission, view, base: input.repository.base, policy: input.policy, checks };
  // Its goal stands in the prompt anyway, and commands are for people.
  const { gates, ...rest } = handoffTask({ why, goal: null });
  const withoutCommands = gates.map((gate) => ({ ...gate, command: null }));
  return { handoff: describeHandoffTask({ ...rest, gates: withoutCommands, commands: [] }) };
}

/** Also one that has ended well, on a host that the task had to leave. */
function isLost({ end, host, agent }: SessionSummary, present: string): boolean {
  return end === 'lost' || end === 'lease-ran-out' || agent?.outcome === 'lost' || host !== present;
}
