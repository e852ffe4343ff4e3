import { beforeEach, describe, expect, it } from 'vitest';
import type { TaskStatus } from '../schema/contracts/gates.ts';
import type { Resolution } from '../schema/contracts/messages.ts';
import type { Policy } from '../schema/contracts/mission-file.ts';
import type { Review } from '../schema/contracts/review.ts';
import type { Rejection } from './rules/remediation.ts';
import { repository, taskInput } from '../test/support/plans.ts';
import { TaskState } from './task-state.ts';

const first = 'a'.repeat(40);
const second = 'b'.repeat(40);
const base = '0'.repeat(40);

/** The workflow's clock, which a test may put forward. */
let now = 0;
beforeEach(() => {
  now = 1_000;
});

function newTask(policy: Partial<Policy> = {}): TaskState {
  return new TaskState(taskInput(policy), () => now);
}

function deliver(task: TaskState, headSha: string): void {
  task.delivered({ headSha, baseSha: base, commits: 1, touchesJudge: false });
}

/** A task whose head `first` has everything that it needs to merge. */
function readyToMerge(): TaskState {
  const task = newTask();
  deliver(task, first);
  task.reviewed(review('diff-check', first));
  task.view.ci = 'passed';
  task.goAheads.give({ headSha: first, by: 'lead' }, 'api');
  return task;
}

function review(engine: string, sha: string): Review {
  return { engine, sha, verdict: 'approve', summary: `${engine} read it`, findings: [] };
}

function rejection(signature: string): Rejection {
  return {
    failure: { gate: 'implement', signature, message: signature, sha: null },
    feedback: { gate: 'implement', message: signature, findings: [], excerpt: null },
  };
}

function resolution(more: Partial<Resolution> = {}): Resolution {
  return { action: 'retry', by: 'lead', ...more };
}

describe('a new task', () => {
  it('runs from the start, with nothing done', () => {
    expect(newTask().view).toMatchObject({
      id: 'T-1',
      status: 'running',
      gate: 'intake',
      branch: 'mission/greetings/T-1',
      headSha: null,
      goAhead: null,
      waits: null,
    });
  });

  it('knows its place', () => {
    expect(newTask().place).toEqual({
      tenant: 'default',
      mission: 'greetings',
      task: 'T-1',
      repository,
      branch: 'mission/greetings/T-1',
    });
  });
});

describe('what a task waits on', () => {
  it('has a gate, a person or thing to wait for, and a beginning', () => {
    const task = newTask();
    task.enter('review-and-ci', { on: 'CI', for: 'ci' });
    expect(task.view.waits).toEqual({ gate: 'review-and-ci', on: 'CI', for: 'ci', since: 1_000 });
  });

  it('becomes a past wait with an end when the next begins', () => {
    const task = newTask();
    task.enter('push', { on: 'the push', for: 'forge' });
    now = 3_000;
    task.enter('review-and-ci', { on: 'CI', for: 'ci' });
    expect(task.view.waited).toEqual([
      { gate: 'push', on: 'the push', for: 'forge', since: 1_000, until: 3_000 },
    ]);
    expect(task.view.waits).toMatchObject({ gate: 'review-and-ci', since: 3_000 });
  });

  it('can change within a gate, and end there', () => {
    const task = newTask();
    task.enter('verify-merge', { on: 'main green', for: 'ci' });
    task.waitOn({ on: 'main mended', for: 'person' });
    expect(task.view.waits).toMatchObject({ gate: 'verify-merge', on: 'main mended', for: 'person' });
    task.waitOn(undefined);
    expect(task.view.waits).toBeNull();
    expect(task.view.waited.map(({ on }) => on)).toEqual(['main green', 'main mended']);
  });

  it('is kept of the newest 50', () => {
    const task = newTask();
    for (let index = 0; index <= 51; index++) task.waitOn({ on: `w${index}`, for: 'ci' });
    expect(task.view.waited).toHaveLength(50);
    expect([task.view.waited[0]?.on, task.view.waited.at(-1)?.on]).toEqual(['w1', 'w50']);
  });
});

describe('the news of a task', () => {
  it('are told once, in order, each with its time', () => {
    const task = newTask();
    task.enter('intake');
    now = 2_000;
    task.enter('push', { on: 'the push', for: 'forge' });
    expect(task.takeNews()).toEqual({
      seq: 1,
      events: [
        { at: 1_000, type: 'gate-entered', message: 'intake' },
        { at: 2_000, type: 'gate-entered', message: 'push: waits on the push, for: forge' },
      ],
    });
    expect(task.takeNews()).toEqual({ seq: 2, events: [] });
  });
});

describe('the sessions of a task', () => {
  it('are numbered by the workflow', () => {
    const task = newTask();
    expect(task.nextAuthorSession()).toEqual({ sessionId: 'greetings.T-1.author.1', launch: 1 });
    expect(task.nextAuthorSession()).toEqual({ sessionId: 'greetings.T-1.author.2', launch: 2 });
  });

  it('of reviewers are numbered for each engine', () => {
    const task = newTask();
    const ids = ['diff-check', 'test-check', 'diff-check'].map((engine) => task.nextReviewSession(engine));
    expect(ids).toEqual([
      'greetings.T-1.review-diff-check.1',
      'greetings.T-1.review-test-check.1',
      'greetings.T-1.review-diff-check.2',
    ]);
  });

  it('are used up when the policy says so, and reviewers take none of them', () => {
    const task = newTask({ sessions: 2 });
    task.nextAuthorSession();
    task.nextReviewSession('diff-check');
    expect(task.mayLaunch()).toBe(true);
    task.nextAuthorSession();
    expect(task.mayLaunch()).toBe(false);
  });

  it('begin anew when a person has answered', () => {
    const task = newTask({ sessions: 2 });
    task.nextAuthorSession();
    task.nextAuthorSession();
    task.block('all sessions are used up');
    task.unblock(resolution());
    expect(task.nextAuthorSession().launch).toBe(3);
    expect(task.mayLaunch()).toBe(true);
    task.nextAuthorSession();
    expect(task.mayLaunch()).toBe(false);
  });

  it.each([
    { exitCode: 0, says: 's1 exited with exit code 0' },
    { exitCode: null, says: 's1 exited' },
  ])('end with "$says" on the record', ({ exitCode, says }) => {
    const task = newTask();
    const session = { id: 's1', role: 'author', runtime: 'script', host: 'h1', startedAt: 0, endedAt: 1 };
    task.sessionEnded({ ...session, end: 'exited', exitCode });
    expect(task.view.sessions).toHaveLength(1);
    expect(task.takeNews().events).toMatchObject([{ type: 'session-ended', message: says }]);
  });
});

describe('a new head', () => {
  it('voids approvals, CI verdict and go-ahead', () => {
    const task = readyToMerge();
    deliver(task, second);
    expect(task.view).toMatchObject({ headSha: second, ci: null, goAhead: null });
    expect(task.currentReviews()).toEqual([]);
  });

  it('that is the same head as before voids none of them', () => {
    const task = readyToMerge();
    deliver(task, first);
    expect(task.view).toMatchObject({ ci: 'passed', goAhead: { sha: first } });
    expect(task.currentReviews()).toHaveLength(1);
  });

  it('brings the base that it is judged against', () => {
    const task = newTask();
    task.delivered({ headSha: first, baseSha: second, commits: 2, touchesJudge: false });
    expect(task.baseSha).toBe(second);
  });

  it('of somebody else voids the go-ahead, and is verified from the forge', () => {
    const task = readyToMerge();
    task.headMoved('the head is another');
    expect(task.view.goAhead).toBeNull();
    expect(task.headToVerify).toBe('forge');
  });

  it('has only the reviews of its own, whichever came first', () => {
    const task = newTask();
    deliver(task, second);
    task.reviewed(review('diff-check', first));
    task.reviewed(review('test-check', second));
    expect(task.currentReviews().map(({ engine }) => engine)).toEqual(['test-check']);
  });
});

describe('what is sent back', () => {
  it('is counted for each failure apart', () => {
    const task = newTask();
    task.sentBack([rejection('a'), rejection('b')]);
    const counts = task.sentBack([rejection('a')]);
    expect([...counts]).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
  });

  it('is counted anew when a person has answered, and stays on the record', () => {
    const task = newTask();
    task.sentBack([rejection('a'), rejection('a')]);
    task.block('a');
    task.unblock(resolution());
    expect(task.sentBack([rejection('a')]).get('a')).toBe(1);
    expect(task.view.failures).toHaveLength(3);
  });

  it('is told to later sessions: the newest ten', () => {
    const task = newTask();
    for (let index = 1; index <= 12; index++) task.sentBack([rejection(`f${index}`)]);
    expect(task.feedback).toHaveLength(10);
    expect([task.feedback[0]?.message, task.feedback.at(-1)?.message]).toEqual(['f3', 'f12']);
  });
});

describe('a blocked task', () => {
  it('says why, and waits for a person', () => {
    const task = newTask();
    task.enter('push', { on: 'the push', for: 'forge' });
    task.block('the forge is away');
    expect(task.view).toMatchObject({
      status: 'blocked',
      gate: 'push',
      reason: 'the forge is away',
      waits: { gate: 'push', on: 'an answer: the forge is away', for: 'person' },
    });
  });

  it('runs again when it has an answer', () => {
    const task = newTask();
    task.block('the forge is away');
    task.takeNews();
    task.unblock(resolution());
    expect(task.view).toMatchObject({ status: 'running', reason: null });
    expect(task.takeNews().events).toMatchObject([{ type: 'resolved', message: 'retry by lead' }]);
  });

  it('tells who answers a block a second time what was answered, by whom and when', () => {
    const task = newTask();
    task.block('the forge is away');
    now = 2_000;
    task.unblock(resolution());
    const answered =
      'blocked-1000 was answered already: retry by lead at 1970-01-01T00:00:02.000Z; it asked: the forge is away';
    expect(task.resolutionFault(resolution({ action: 'abandon', by: 'boss' }))).toBe(
      `T-1 is not blocked: there is nothing to abandon; ${answered}`,
    );
    task.takeNews();
    expect(task.view.asked).toMatchObject([{ id: 'blocked-1000', answer: { option: 'retry' } }]);

    now = 3_000;
    task.block('stuck');
    expect(task.resolutionFault(resolution({ since: 1_000 }))).toBe(
      `greetings.T-1.blocked-1000 was answered; what waits now is greetings.T-1.blocked-3000: stuck; ${answered}`,
    );
    expect(task.resolutionFault(resolution({ since: 3_000 }))).toBeUndefined();
    expect(task.resolutionFault(resolution())).toBeUndefined();
  });

  it('takes an answer, with guidance for later sessions', () => {
    const task = newTask();
    task.block('stuck');
    task.resolve(resolution({ guidance: 'use the old parser' }));
    task.resolve(resolution({ action: 'skip', by: 'boss' }));
    expect(task.guidance).toEqual(['lead: use the old parser']);
    expect(task.resolutions.map(({ action }) => action)).toEqual(['retry', 'skip']);
  });

  it.each<{ action: Resolution['action']; blocked: boolean; fault: string | undefined }>([
    { action: 'retry', blocked: true, fault: undefined },
    { action: 'skip', blocked: true, fault: undefined },
    { action: 'abandon', blocked: true, fault: undefined },
    { action: 'retry', blocked: false, fault: 'T-1 is not blocked: there is nothing to retry' },
    { action: 'skip', blocked: false, fault: 'T-1 is not blocked: there is nothing to skip' },
    { action: 'abandon', blocked: false, fault: 'T-1 is not blocked: there is nothing to abandon' },
  ])('$blocked may be answered with $action: $fault', ({ action, blocked, fault }) => {
    const task = newTask();
    if (blocked) task.block('stuck');
    expect(task.resolutionFault(resolution({ action }))).toBe(fault);
  });
});

describe('the end of a task', () => {
  it.each<{ status: TaskStatus; reason: string | null; says: string }>([
    { status: 'merged', reason: null, says: 'merged' },
    { status: 'no-change', reason: 'it is there', says: 'no-change: it is there' },
    { status: 'skipped', reason: 'stuck', says: 'skipped: stuck' },
    { status: 'abandoned', reason: 'stuck', says: 'abandoned: stuck' },
    { status: 'cancelled', reason: 'cancelled', says: 'cancelled: cancelled' },
  ])('as $status is told, and nothing is waited on any more', ({ status, reason, says }) => {
    const task = newTask();
    task.enter('push', { on: 'the push', for: 'forge' });
    task.takeNews();
    expect(task.end(status, reason)).toEqual({
      ...{ task: 'T-1', status, mergeSha: null, reason },
      used: { tokens: 0, costUsd: 0, minutes: 0, sessions: 0 },
    });
    expect(task.view).toMatchObject({ status, reason, waits: null });
    expect(task.takeNews().events).toMatchObject([{ type: 'task-ended', message: says }]);
  });

  it('is the end of all that it asks, and the view keeps what that was', () => {
    const task = newTask();
    const options = [{ id: 'yes', name: 'Yes' }];
    task.questions.ask({ id: 'law-1', session: null, title: 'May it?', detail: null, options, at: now });
    task.block('stuck');
    now = 3_000;
    task.end('cancelled', 'cancelled');
    task.takeNews();
    expect(task.view).toMatchObject({ endedAt: 3_000, status: 'cancelled' });
    expect(task.view.asked).toEqual([
      { id: 'law-1', title: 'May it?', answer: null, at: 3_000 },
      { id: 'blocked-1000', title: 'stuck', answer: null, at: 3_000 },
    ]);
  });

  it('carries the merge commit', () => {
    const task = newTask();
    task.merged({ headSha: first, mergeSha: second });
    expect(task.end('merged', null)).toMatchObject({ mergeSha: second });
    expect(task.view.headSha).toBe(first);
  });

  it.each<TaskStatus>(['waiting', 'running', 'blocked'])('is not %s', (status) => {
    expect(() => newTask().end(status, null)).toThrow(`${status} is no end of a task`);
  });
});
