import { describe, expect, it } from 'vitest';
import type { SessionSummary } from '../schema/contracts/session.ts';
import { taskInput } from '../test/support/plans.ts';
import { briefAfterLoss } from './task-brief.ts';
import { TaskState } from './task-state.ts';

function taskAfter(...sessions: Partial<SessionSummary>[]): TaskState {
  const task = new TaskState(taskInput(), () => 1_000);
  for (const [index, more] of sessions.entries()) {
    task.sessionEnded({
      id: `greetings.T-1.author.${index + 1}`,
      ...{ role: 'author', runtime: 'codex', host: 'h1', end: 'exited' as const, exitCode: 0 },
      ...{ startedAt: 0, endedAt: 1 },
      ...more,
    });
  }
  task.enter('implement', { on: 'session greetings.T-1.author.2', for: 'agent' });
  return task;
}

const here = { host: 'h1', isResumed: false };

describe('the brief of a session', () => {
  it.each<{ name: string; last: Partial<SessionSummary>; of?: Partial<typeof here> }>([
    { name: 'was lost', last: { end: 'lost', exitCode: null } },
    { name: 'had no lease any more', last: { end: 'lease-ran-out', exitCode: null } },
    { name: 'was on another host', last: {}, of: { host: 'h2' } },
  ])('tells where the task stands, when the one before $name', ({ last, of }) => {
    const { handoff = '' } = briefAfterLoss(taskAfter(last), { ...here, ...of });
    expect(handoff).toMatch(/^### T-1: “Greet” \(running\)\n/);
    expect(handoff).toContain('- greetings.T-1.author.1 (codex on h1)');
    expect(handoff).toContain('implement here');
  });

  it('names no command: those are for people', () => {
    const task = taskAfter({ end: 'lost', exitCode: null });
    task.block('no token');
    expect(briefAfterLoss(task, here).handoff).not.toContain('mission resolve');
  });

  it.each<{ name: string; task: TaskState; of?: Partial<typeof here> }>([
    { name: 'is the first', task: taskAfter() },
    { name: 'follows one that has ended by itself', task: taskAfter({}) },
    {
      name: 'follows a reviewer’s that was lost',
      task: taskAfter({}, { role: 'review-diff-check', end: 'lost' }),
    },
    { name: 'goes on with its conversation', task: taskAfter({ end: 'lost' }), of: { isResumed: true } },
  ])('is the usual one, when it $name', ({ task, of }) => {
    expect(briefAfterLoss(task, { ...here, ...of })).toEqual({});
  });
});
