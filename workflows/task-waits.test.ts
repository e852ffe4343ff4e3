import { beforeEach, describe, expect, it } from 'vitest';
import { needsPerson } from '../schema/contracts/views.ts';
import { taskInput } from '../test/support/plans.ts';
import { TaskState } from './task-state.ts';

let now = 0;
beforeEach(() => {
  now = 1_000;
});

const retry = { action: 'retry', by: 'lead' } as const;

/** A task whose reviewers and CI look at a head. */
function reviewed(): TaskState {
  const task = new TaskState(taskInput(), () => now);
  task.enter('review-and-ci', { on: 'one, two and CI', for: 'reviewer' });
  return task;
}

function ask(task: TaskState, id: string): void {
  const options = [{ id: 'yes', name: 'Yes' }];
  task.questions.hear({
    kind: 'asked',
    question: { id, session: 's1', title: 'Run it', detail: null, options, at: now },
  });
  task.waits.changed();
}

function answer(task: TaskState, id: string): void {
  task.questions.answer({ question: id, option: 'yes', by: 'lead', at: now, expired: false });
  task.waits.changed();
}

describe('what a task waits on', () => {
  it('is its gate again when one answer has released two steps that stood side by side', () => {
    const task = reviewed();
    task.block('one is not logged in');
    task.block('the forge is away');
    expect(task.view.waits?.on).toBe('an answer: the forge is away');
    task.unblock(retry);
    task.unblock(retry);
    expect(task.view).toMatchObject({ status: 'running', waits: { on: 'one, two and CI', for: 'reviewer' } });
  });

  it('is still the answer when the mission is resumed while it is blocked', () => {
    const task = reviewed();
    task.waits.hold({ on: 'the mission to be resumed', for: 'person' });
    task.block('the forge is away');
    task.waits.hold(undefined);
    expect(task.view.waits).toMatchObject({ on: 'an answer: the forge is away', for: 'person' });
    task.unblock(retry);
    expect(task.view.waits?.on).toBe('one, two and CI');
  });

  it('is still the answer to its block when a question of before it is answered', () => {
    const task = reviewed();
    ask(task, 'author-1-1');
    expect(task.view.waits?.on).toBe('an answer to author-1-1: Run it');
    task.block('the forge is away');
    answer(task, 'author-1-1');
    expect(task.view).toMatchObject({ questions: [], waits: { on: 'an answer: the forge is away' } });
    expect(needsPerson(task.view)).toBe(true);
  });

  it('is a question that is left when its block is answered, and the pause when that is answered too', () => {
    const task = reviewed();
    task.waits.hold({ on: 'the mission to be resumed', for: 'person' });
    task.block('the forge is away');
    ask(task, 'author-1-1');
    expect(task.view.waits?.on).toBe('an answer: the forge is away');
    task.unblock(retry);
    expect(task.view.waits?.on).toBe('an answer to author-1-1: Run it');
    answer(task, 'author-1-1');
    expect(task.view.waits?.on).toBe('the mission to be resumed');
  });

  it('are reviewers whose quota is closed, one after the other, and then the gate', () => {
    const task = reviewed();
    task.waits.meanwhile('one', { on: 'the quota of one', for: 'quota' });
    task.waits.meanwhile('two', { on: 'the quota of two', for: 'quota' });
    expect(task.view.waits?.on).toBe('the quota of one');
    task.block('the forge is away');
    task.waits.meanwhile('one', undefined);
    task.unblock(retry);
    expect(task.view.waits?.on).toBe('the quota of two');
    task.waits.meanwhile('two', undefined);
    expect(task.view.waits?.on).toBe('one, two and CI');
  });

  it('goes on since it began where something that comes after it has changed', () => {
    const task = reviewed();
    task.block('the forge is away');
    now = 2_000;
    ask(task, 'author-1-1');
    task.waitOn({ on: 'CI', for: 'ci' });
    expect(task.view.waits?.since).toBe(1_000);
    expect(task.view.waited.map(({ on }) => on)).toEqual(['one, two and CI']);
  });

  it('is nothing when the task has ended, whatever was asked', () => {
    const task = reviewed();
    task.block('one is not logged in');
    ask(task, 'author-1-1');
    task.end('abandoned', 'one is not logged in');
    expect(task.view).toMatchObject({ status: 'abandoned', questions: [], waits: null });
    expect(needsPerson(task.view)).toBe(false);
  });

  it('is told once, when it has changed', () => {
    const task = reviewed();
    task.takeNews();
    task.waitOn({ on: 'CI', for: 'ci' });
    task.waitOn({ on: 'CI', for: 'ci' });
    expect(task.takeNews().events).toMatchObject([{ type: 'waiting', message: 'waits on CI, for: ci' }]);
  });
});
