/** What is told to whoever answers when nobody waits for that answer any more. */
import type { z } from 'zod';
import { isEnded } from './gates.ts';
import { describePast, pausedItem } from './question.ts';
import { TaskView, type GoAhead, type MissionView } from './views.ts';

/** As much of a task as that is made of. */
export const AnsweredTask = TaskView.pick({
  id: true,
  status: true,
  asked: true,
  goAheads: true,
  endedAt: true,
});
export type AnsweredTask = z.infer<typeof AnsweredTask>;

/** What somebody would answer: a question or a block by its name, whichever block there was, or a head. */
export type LateAnswer = { kind: 'item'; id: string } | { kind: 'block' } | { kind: 'head'; sha: string };

/** Of a task whose workflow does not run. */
export function describeLate(view: AnsweredTask, late: LateAnswer): string {
  const { id, status, endedAt } = view;
  if (!isEnded(status)) return `${id} is not running: it has not been started yet`;
  const when = endedAt === undefined ? '' : ` at ${new Date(endedAt).toISOString()}`;
  const end = `${id} is not running any more: it has ended as ${status}${when}`;
  const before = becameOf(view, late);
  return before === undefined ? end : `${before}; ${end}`;
}

function becameOf({ asked, goAheads }: AnsweredTask, late: LateAnswer): string | undefined {
  if (late.kind === 'head') {
    const given = goAheads.filter(({ sha }) => sha === late.sha);
    return given.length === 0 ? undefined : `${late.sha} has its go-ahead, ${describeGiven(given)}`;
  }
  const past = asked.findLast(({ id }) =>
    late.kind === 'item' ? id === late.id : id.startsWith('blocked-'),
  );
  return past && describePast(past);
}

/** By whom and when. */
export function describeGiven(given: readonly Pick<GoAhead, 'by' | 'at'>[]): string {
  return given.map(({ by, at }) => `by ${by} at ${new Date(at).toISOString()}`).join(' and ');
}

/** Why an answer to that pause does not count; undefined: it does. One that goes on must not be cancelled by it. */
export function pauseFault(
  { id, status, paused, asked }: Pick<MissionView, 'id' | 'status' | 'paused' | 'asked'>,
  since: number,
): string | undefined {
  if (paused?.at === since) return undefined;
  const past = asked.find((one) => one.id === pausedItem(since));
  const before = past === undefined ? `${id} is not paused since then` : describePast(past);
  return `${before}; the mission is ${status}`;
}
