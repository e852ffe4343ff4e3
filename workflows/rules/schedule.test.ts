import { describe, expect, it } from 'vitest';
import { isActive, TaskStatus } from '../../schema/contracts/gates.ts';
import { startable } from './schedule.ts';

/** A chain and a task beside it. */
const tasks = [
  { id: 'a', dependsOn: [] },
  { id: 'b', dependsOn: ['a'] },
  { id: 'c', dependsOn: [] },
  { id: 'd', dependsOn: ['b', 'c'] },
];

function next(statuses: Record<string, TaskStatus>, cap = 10): string[] {
  return startable({ tasks, statuses: new Map(Object.entries(statuses)), cap }).map(({ id }) => id);
}

describe('the tasks that may start', () => {
  it.each<{ name: string; statuses: Record<string, TaskStatus>; start: string[] }>([
    { name: 'at first, those that wait on none', statuses: {}, start: ['a', 'c'] },
    { name: 'not those that run', statuses: { a: 'running', c: 'running' }, start: [] },
    { name: 'dependents of what is merged', statuses: { a: 'merged', c: 'running' }, start: ['b'] },
    { name: 'dependents of what needed no change', statuses: { a: 'no-change', c: 'running' }, start: ['b'] },
    { name: 'dependents of what a person skipped', statuses: { a: 'skipped', c: 'running' }, start: ['b'] },
    { name: 'none that waits on a blocked task', statuses: { a: 'blocked', c: 'merged' }, start: [] },
    { name: 'none that waits on a failed task', statuses: { a: 'failed', c: 'merged' }, start: [] },
    { name: 'none that waits on an abandoned task', statuses: { a: 'abandoned', c: 'merged' }, start: [] },
    { name: 'none that waits on a cancelled task', statuses: { a: 'cancelled', c: 'merged' }, start: [] },
    {
      name: 'none of which one dependency is open',
      statuses: { a: 'merged', b: 'running', c: 'merged' },
      start: [],
    },
    {
      name: 'the last one, once all it waits on is there',
      statuses: { a: 'merged', b: 'no-change', c: 'skipped' },
      start: ['d'],
    },
    {
      name: 'none when all have ended',
      statuses: { a: 'merged', b: 'merged', c: 'merged', d: 'merged' },
      start: [],
    },
  ])('are $name', ({ statuses, start }) => {
    expect(next(statuses)).toEqual(start);
  });

  it.each<{ name: string; cap: number; statuses: Record<string, TaskStatus>; start: string[] }>([
    { name: 'the first in the plan', cap: 1, statuses: {}, start: ['a'] },
    { name: 'none while one runs', cap: 1, statuses: { c: 'running' }, start: [] },
    {
      name: 'none while one is blocked: its clone and branch are still there',
      cap: 1,
      statuses: { c: 'blocked' },
      start: [],
    },
    { name: 'one more beside one that runs', cap: 2, statuses: { c: 'running' }, start: ['a'] },
    { name: 'the next, after one that has failed', cap: 1, statuses: { a: 'failed' }, start: ['c'] },
    {
      name: 'none when more run than may',
      cap: 1,
      statuses: { a: 'running', b: 'running' },
      start: [],
    },
    { name: 'none at all', cap: 0, statuses: {}, start: [] },
  ])('with a cap of $cap are $name', ({ cap, statuses, start }) => {
    expect(next(statuses, cap)).toEqual(start);
  });

  it('may wait on a task of an earlier milestone', () => {
    const later = [{ id: 'e', dependsOn: ['a'] }];
    const statuses = new Map<string, TaskStatus>([['a', 'merged']]);
    expect(startable({ tasks: later, statuses, cap: 1 })).toEqual(later);
    expect(startable({ tasks: later, statuses: new Map(), cap: 1 })).toEqual([]);
  });

  it('are given back as they came, with all that they carry', () => {
    const task = { id: 'a', dependsOn: [], goal: 'greet' };
    expect(startable({ tasks: [task], statuses: new Map(), cap: 1 })[0]).toBe(task);
  });
});

describe('a task', () => {
  it.each(TaskStatus.options)('that is %s takes a place only while it runs or is blocked', (status) => {
    expect(isActive(status)).toBe(status === 'running' || status === 'blocked');
  });
});
