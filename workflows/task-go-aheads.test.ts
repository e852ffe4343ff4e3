import { describe, expect, it } from 'vitest';
import type { EngineFacts } from '../schema/contracts/messages.ts';
import type { Policy } from '../schema/contracts/mission-file.ts';
import { taskInput } from '../test/support/plans.ts';
import { TaskState } from './task-state.ts';

const first = 'a'.repeat(40);
const second = 'b'.repeat(40);
const base = '0'.repeat(40);

/** A task that waits for the go-aheads of two persons for `first`. */
function waitingForTwo(policy: Partial<Policy> = {}, engine: Partial<EngineFacts> = {}): TaskState {
  const task = new TaskState(taskInput(policy, engine), () => 1_000);
  deliver(task, first, true);
  return task;
}

function deliver(task: TaskState, headSha: string, needsTwo: boolean): void {
  task.delivered({ headSha, baseSha: base, commits: 1, touchesJudge: false, needsTwo });
  task.enter('go-ahead', { on: task.goAheads.describe(), for: 'person' });
}

describe('what two persons must agree to', () => {
  it('has its go-ahead when two have given it, and keeps who, when, for what and through what', () => {
    const task = waitingForTwo();
    expect(task.goAheads.areNeeded()).toBe(true);
    expect(task.view.waits?.on).toBe(`the merge go-ahead for ${first}, 0 of 2 are given`);

    expect(task.goAheads.give({ headSha: first, by: 'lead' }, 'api').standing).toEqual({
      given: 1,
      needed: 2,
    });
    expect(task.view.goAhead).toBeNull();
    expect(task.view.standing).toEqual({ given: 1, needed: 2 });
    expect(task.goAheads.describe()).toBe(`the merge go-ahead for ${first}, 1 of 2 are given`);

    expect(task.goAheads.give({ headSha: first, by: 'owner' }, 'cli').standing).toEqual({
      given: 2,
      needed: 2,
    });
    expect(task.view.goAhead).toEqual({ sha: first, by: 'owner', via: 'cli', at: 1_000 });
    expect(task.view.goAheads).toEqual([
      { sha: first, by: 'lead', via: 'api', at: 1_000 },
      { sha: first, by: 'owner', via: 'cli', at: 1_000 },
    ]);
  });

  it('is not agreed to by one person who says it twice', () => {
    const task = waitingForTwo();
    task.goAheads.give({ headSha: first, by: 'lead' }, 'api');
    expect(task.goAheads.fault({ headSha: first, by: 'lead' }, 'cli')).toEqual({
      type: 'WrongPhase',
      message: `lead has given the go-ahead for ${first} already: 2 different persons must`,
    });
  });

  it('is not agreed to by signals: whoever sends them can sign with any name', () => {
    const task = waitingForTwo();
    task.goAheads.hear({ headSha: first, by: 'lead' });
    task.goAheads.hear({ headSha: first, by: 'owner' });
    expect(task.view.goAheads).toEqual([]);
    expect(task.view.goAhead).toBeNull();
  });

  it('is agreed to by coordinators alone, where some are named', () => {
    const task = waitingForTwo({ coordinators: ['lead', 'owner'] });
    task.goAheads.give({ headSha: first, by: 'lead' }, 'api');
    expect(task.goAheads.fault({ headSha: first, by: 'guest' }, 'api')?.type).toBe('NotCoordinator');
    expect(task.goAheads.fault({ headSha: first, by: 'owner' }, 'api')).toBeUndefined();
  });

  it('is to be agreed to anew at another head', () => {
    const task = waitingForTwo();
    task.goAheads.give({ headSha: first, by: 'lead' }, 'api');
    deliver(task, second, true);
    task.goAheads.give({ headSha: second, by: 'owner' }, 'api');
    expect(task.view.goAhead).toBeNull();
    expect(task.goAheads.fault({ headSha: first, by: 'owner' }, 'api')?.type).toBe('StaleHead');
    expect(task.goAheads.given.map(({ by }) => by)).toEqual(['owner']);
    expect(task.view.goAheads).toHaveLength(2);
  });

  it('is to be agreed to anew by both when the same head comes back from the lane', () => {
    const task = waitingForTwo();
    task.goAheads.give({ headSha: first, by: 'lead' }, 'api');
    task.goAheads.give({ headSha: first, by: 'owner' }, 'api');
    task.headMoved('CI was left out');
    deliver(task, first, true);
    expect(task.view.goAhead).toBeNull();
    expect(task.view.standing).toEqual({ given: 0, needed: 2 });
    expect(task.goAheads.fault({ headSha: first, by: 'lead' }, 'api')).toBeUndefined();
  });

  it('is for one person again when the next head leaves it alone', () => {
    const task = waitingForTwo({ coordinators: ['lead', 'owner'] });
    deliver(task, second, false);
    task.goAheads.give({ headSha: second, by: 'lead' }, 'api');
    expect(task.view.goAhead?.by).toBe('lead');
    expect(task.view.standing).toBeNull();
  });
});

describe('two go-aheads at once', () => {
  it('are one: whoever comes second is told who was first', () => {
    const task = waitingForTwo();
    deliver(task, second, false);
    task.goAheads.give({ headSha: second, by: 'lead' }, 'api');
    expect(task.goAheads.fault({ headSha: second, by: 'owner' }, 'api')).toEqual({
      type: 'WrongPhase',
      message: 'T-1 has its go-ahead already, by lead at 1970-01-01T00:00:01.000Z',
    });
    task.goAheads.hear({ headSha: second, by: 'guest' });
    expect(task.view.goAhead?.by).toBe('lead');
    expect(task.view.goAheads).toHaveLength(1);
  });

  it('are one also when the second comes as the head has gone on to the lane', () => {
    const task = waitingForTwo();
    deliver(task, second, false);
    task.goAheads.give({ headSha: second, by: 'lead' }, 'api');
    task.enter('merge-lane');
    expect(task.goAheads.fault({ headSha: second, by: 'owner' }, 'api')).toEqual({
      type: 'WrongPhase',
      message: `T-1 is at gate merge-lane: it waits for no go-ahead; ${second} has it, by lead at 1970-01-01T00:00:01.000Z`,
    });
  });
});
