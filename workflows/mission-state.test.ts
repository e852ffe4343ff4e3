import { describe, expect, it } from 'vitest';
import type { TaskStatus } from '../schema/contracts/gates.ts';
import { Policy } from '../schema/contracts/mission-file.ts';
import type { PlannedMilestone } from '../schema/contracts/plan.ts';
import { engineFacts, repository, task } from '../test/support/plans.ts';
import { MissionState } from './mission-state.ts';

const core: PlannedMilestone = {
  id: 'm1',
  title: 'Core',
  tasks: [task('a'), task('b', { dependsOn: ['a'] }), task('c')],
};
const extras: PlannedMilestone = { id: 'm2', title: 'Extras', tasks: [task('d', { dependsOn: ['a'] })] };

function mission(parallel = 2): MissionState {
  return new MissionState(
    {
      engine: engineFacts,
      plan: {
        mission: 'greetings',
        title: 'Greetings',
        repository,
        policy: Policy.parse({ parallel }),
        milestones: [core, extras],
      },
    },
    () => 42,
  );
}

function started(state: MissionState, milestone = core): string[] {
  return state.startNext(milestone).map(({ id }) => id);
}

function ended(state: MissionState, statuses: Record<string, TaskStatus>): MissionState {
  for (const [id, status] of Object.entries(statuses)) {
    state.taskEnded({ task: id, status, mergeSha: null, reason: null });
  }
  return state;
}

describe('the tasks of a mission', () => {
  it('start once each, as many at a time as may run', () => {
    const state = mission(1);
    expect(started(state)).toEqual(['a']);
    expect(started(state)).toEqual([]);
    ended(state, { a: 'merged' });
    expect(started(state)).toEqual(['b']);
    ended(state, { b: 'merged' });
    expect(started(state)).toEqual(['c']);
  });

  it('that need none of the others start side by side', () => {
    expect(started(mission(2))).toEqual(['a', 'c']);
  });

  it.each<{ status: TaskStatus; starts: string[] }>([
    { status: 'merged', starts: ['b'] },
    { status: 'no-change', starts: ['b'] },
    { status: 'skipped', starts: ['b'] },
    { status: 'abandoned', starts: [] },
    { status: 'failed', starts: [] },
    { status: 'cancelled', starts: [] },
  ])('that wait on one that is $status: $starts start', ({ status, starts }) => {
    const state = mission();
    started(state);
    ended(state, { a: status });
    expect(started(state)).toEqual(starts);
  });

  it('of a later milestone know those of the earlier ones', () => {
    expect(started(ended(mission(), { a: 'merged' }), extras)).toEqual(['d']);
    expect(started(ended(mission(), { a: 'failed' }), extras)).toEqual([]);
  });

  it('are at rest before the first starts and after the last has ended', () => {
    const state = mission();
    expect(state.isIdle()).toBe(true);
    started(state);
    expect(state.isIdle()).toBe(false);
    ended(state, { a: 'merged' });
    expect(state.isIdle()).toBe(false);
    ended(state, { c: 'failed' });
    expect(state.isIdle()).toBe(true);
  });
});

describe('a milestone', () => {
  it.each<{ statuses: Record<string, TaskStatus>; complete: boolean }>([
    { statuses: {}, complete: false },
    { statuses: { a: 'merged', b: 'merged' }, complete: false },
    { statuses: { a: 'merged', b: 'merged', c: 'merged' }, complete: true },
    { statuses: { a: 'merged', b: 'no-change', c: 'skipped' }, complete: true },
    { statuses: { a: 'merged', b: 'merged', c: 'abandoned' }, complete: false },
    { statuses: { a: 'merged', b: 'merged', c: 'failed' }, complete: false },
  ])('with $statuses is complete: $complete', ({ statuses, complete }) => {
    expect(ended(mission(), statuses).isComplete(core)).toBe(complete);
  });

  it('is named in the view when it begins', () => {
    const state = mission();
    expect(state.view.milestone).toBeNull();
    expect(state.nextMilestone()).toEqual(core);
    expect(state.view.milestone).toBe('m1');
    expect(state.takeNews().events).toEqual([{ at: 42, type: 'milestone-started', message: 'm1: Core' }]);
  });
});

describe('a mission', () => {
  it('begins as a view of its plan', () => {
    expect(mission().view).toEqual({
      id: 'greetings',
      title: 'Greetings',
      status: 'running',
      repository,
      milestone: null,
      paused: null,
      asked: [],
      reason: null,
    });
  });

  const merged: Record<string, TaskStatus> = { a: 'merged', b: 'merged', c: 'merged' };
  it.each<{ statuses: Record<string, TaskStatus>; status: string; reason: string | null }>([
    { statuses: { ...merged, d: 'merged' }, status: 'completed', reason: null },
    {
      statuses: { a: 'merged', b: 'skipped', c: 'no-change', d: 'merged' },
      status: 'completed',
      reason: null,
    },
    { statuses: { ...merged, d: 'abandoned' }, status: 'incomplete', reason: 'd abandoned' },
    {
      statuses: { a: 'merged', b: 'failed', c: 'merged' },
      status: 'incomplete',
      reason: 'b failed, d waiting',
    },
    { statuses: {}, status: 'incomplete', reason: 'a waiting, b waiting, c waiting, d waiting' },
  ])('whose tasks are $statuses ends $status: $reason', ({ statuses, status, reason }) => {
    const state = ended(mission(), statuses);
    const result = state.end();
    expect(result.status).toBe(status);
    expect(result.tasks.map(({ task: id }) => id)).toEqual(Object.keys(statuses));
    expect(state.view).toMatchObject({ status, reason });
    const message = reason === null ? status : `${status}: ${reason}`;
    expect(state.takeNews().events).toEqual([{ at: 42, type: 'mission-ended', message }]);
  });

  it.each([
    { request: { by: 'lead', reason: 'wrong plan' }, reason: 'cancelled by lead: wrong plan' },
    { request: { by: 'lead' }, reason: 'cancelled by lead: no reason given' },
  ])('that was cancelled says who did it and why: $reason', ({ request, reason }) => {
    const state = ended(mission(), { a: 'cancelled' });
    state.cancelled = request;
    expect(state.end().status).toBe('cancelled');
    expect(state.view).toMatchObject({ status: 'cancelled', reason });
  });

  it('tells each piece of news once, in order', () => {
    const state = mission();
    state.tell('mission-started', 'Greetings');
    state.nextMilestone();
    expect(state.takeNews()).toMatchObject({
      seq: 1,
      events: [{ type: 'mission-started' }, { type: 'milestone-started' }],
    });
    expect(state.takeNews()).toEqual({ seq: 2, events: [] });
  });
});

describe('a paused mission', () => {
  it('starts nothing until it is resumed, and is told once each', () => {
    const state = mission();
    state.pause({ by: 'lead', reason: 'lunch' });
    state.pause({ by: 'other' });
    expect(state.view).toMatchObject({ status: 'paused', paused: { by: 'lead', reason: 'lunch', at: 42 } });
    expect(started(state)).toEqual([]);
    expect(state.isOver(core)).toBe(false);
    state.resume({ by: 'lead' });
    state.resume({ by: 'lead' });
    expect(state.view).toMatchObject({ status: 'running', paused: null });
    expect(started(state)).toEqual(['a', 'c']);
    expect(state.takeNews().events.map(({ type, message }) => `${type} ${message}`)).toEqual([
      'paused by lead: lunch',
      'resumed by lead',
    ]);
  });

  it.each([
    {
      name: 'being cancelled',
      change: (state: MissionState) => state.cancel({ by: 'lead' }),
      says: 'cancelled by lead',
    },
    { name: 'over', change: (state: MissionState) => state.end(), says: 'the mission is incomplete' },
  ])('that is $name takes no change of course', ({ change, says }) => {
    const state = mission();
    expect(state.tooLate()).toBeUndefined();
    change(state);
    expect(state.tooLate()).toContain(says);
  });
});

describe('an amended mission', () => {
  it('goes by the new plan, and ends complete without what was deferred', () => {
    const state = mission(5);
    state.nextMilestone();
    state.amend({
      by: 'lead',
      reason: 'too much',
      changes: [
        { change: 'defer', task: 'c' },
        { change: 'add', milestone: 'm2', task: task('x') },
      ],
    });
    expect(state.outline().milestones).toEqual([
      { id: 'm1', tasks: ['a', 'b'], deferred: ['c'] },
      { id: 'm2', tasks: ['d', 'x'], deferred: [] },
    ]);
    expect(started(state)).toEqual(['a']);
    ended(state, { a: 'merged', b: 'merged' });
    expect(state.isComplete(state.milestone('m1'))).toBe(true);
    expect(state.nextMilestone()?.id).toBe('m2');
    ended(state, { d: 'merged', x: 'merged' });
    expect(state.nextMilestone()).toBeUndefined();
    expect(state.end().status).toBe('completed');
    expect(state.view.reason).toBe('without c deferred');
  });
});

describe('a mission that goes on as a new run', () => {
  it('knows its plan, its tasks, its pause, its updates and its place in the story', () => {
    const before = mission();
    before.tell('mission-started', 'Greetings');
    before.nextMilestone();
    before.takeNews();
    started(before);
    ended(before, { a: 'merged', c: 'abandoned' });
    before.amend({
      by: 'lead',
      reason: 'more',
      changes: [{ change: 'add', milestone: 'm2', task: task('x') }],
    });
    before.pause({ by: 'engine', reason: 'm1 is not verified' });
    before.resume({ by: 'ann' });
    before.pause({ by: 'lead' });
    before.takeNews();
    before.take('update-1');

    const after = new MissionState(before.carryOver(), () => 43);
    expect(after.view).toEqual(before.view);
    expect(after.view.asked).toEqual([
      {
        id: 'paused-42',
        title: 'm1 is not verified',
        answer: { option: 'resume', by: 'ann', expired: false },
        at: 42,
      },
    ]);
    expect(after.outline()).toEqual(before.outline());
    expect(after.hasTaken('update-1')).toBe(true);
    expect(after.hasTaken('update-2')).toBe(false);
    expect(after.nextMilestone()?.id).toBe('m1');
    expect(after.takeNews()).toEqual({ seq: 3, events: [] });
    after.resume({ by: 'lead' });
    expect(started(after)).toEqual(['b']);
    ended(after, { b: 'merged' });
    expect(after.end().tasks.map(({ task: id }) => id)).toEqual(['a', 'c', 'b']);
  });
});
