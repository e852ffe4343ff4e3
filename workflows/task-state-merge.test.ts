import { describe, expect, it } from 'vitest';
import type { Gate } from '../schema/contracts/gates.ts';
import type { EngineFacts, MergeAnswer } from '../schema/contracts/messages.ts';
import type { Policy } from '../schema/contracts/mission-file.ts';
import type { Review } from '../schema/contracts/review.ts';
import type { GoAhead } from '../schema/contracts/views.ts';
import { taskInput } from '../test/support/plans.ts';
import { TaskState } from './task-state.ts';

const first = 'a'.repeat(40);
const second = 'b'.repeat(40);
const base = '0'.repeat(40);

function newTask(policy: Partial<Policy> = {}, engine: Partial<EngineFacts> = {}): TaskState {
  return new TaskState(taskInput(policy, engine), () => 1_000);
}

function deliver(task: TaskState, headSha: string, touchesJudge = false): void {
  task.delivered({ headSha, baseSha: base, commits: 1, touchesJudge });
}

/** A task that waits for the go-ahead for `first`. */
function waitingForGoAhead(policy: Partial<Policy> = {}, engine: Partial<EngineFacts> = {}): TaskState {
  const task = newTask(policy, engine);
  deliver(task, first);
  task.enter('go-ahead', { on: 'the go-ahead', for: 'person' });
  task.takeNews();
  return task;
}

function review(engine: string, sha: string): Review {
  return { engine, sha, verdict: 'approve', summary: `${engine} read it`, findings: [] };
}

describe('the need for a go-ahead', () => {
  it.each([
    { coordinators: [], touchesJudge: false, needed: false },
    { coordinators: ['lead'], touchesJudge: false, needed: true },
    // A change of its own judge needs a person, even in a mission that merges solo.
    { coordinators: [], touchesJudge: true, needed: true },
    { coordinators: ['lead'], touchesJudge: true, needed: true },
  ])('with coordinators $coordinators and touchesJudge $touchesJudge: $needed', (of) => {
    const task = newTask({ coordinators: of.coordinators });
    deliver(task, first, of.touchesJudge);
    expect(task.goAheads.areNeeded()).toBe(of.needed);
  });

  it('goes when the next head leaves its judge alone', () => {
    const task = newTask();
    deliver(task, first, true);
    deliver(task, second, false);
    expect(task.goAheads.areNeeded()).toBe(false);
  });
});

describe('a go-ahead', () => {
  it.each<{
    name: string;
    coordinators: string[];
    by: string;
    via: GoAhead['via'];
    fault: string | undefined;
  }>([
    { name: 'of a coordinator', coordinators: ['lead'], by: 'lead', via: 'api', fault: undefined },
    { name: 'of another', coordinators: ['lead'], by: 'guest', via: 'api', fault: 'NotCoordinator' },
    {
      name: 'of a name in other letters',
      coordinators: ['lead'],
      by: 'Lead',
      via: 'api',
      fault: 'NotCoordinator',
    },
    { name: 'of anybody, where none is named', coordinators: [], by: 'guest', via: 'api', fault: undefined },
    // Whoever may signal a workflow is the operator: names prove nothing there.
    { name: 'through Temporal', coordinators: ['lead'], by: 'guest', via: 'temporal', fault: undefined },
  ])('$name: $fault', ({ coordinators, by, via, fault }) => {
    const task = waitingForGoAhead({ coordinators });
    expect(task.goAheads.fault({ headSha: first, by }, via)?.type).toBe(fault);
  });

  it('for another head is stale, and says which is the head', () => {
    const task = waitingForGoAhead();
    expect(task.goAheads.fault({ headSha: second, by: 'lead' }, 'api')).toEqual({
      type: 'StaleHead',
      message: `the head of T-1 is ${first}, not ${second}`,
      headSha: first,
    });
  });

  it.each<Gate>(['intake', 'implement', 'review-and-ci', 'merge-lane', 'verify-merge', 'done'])(
    'at %s comes in the wrong phase',
    (gate) => {
      const task = waitingForGoAhead();
      task.enter(gate);
      expect(task.goAheads.fault({ headSha: first, by: 'lead' }, 'api')?.type).toBe('WrongPhase');
    },
  );

  it('to a blocked task comes in the wrong phase', () => {
    const task = waitingForGoAhead();
    task.block('the forge is away');
    expect(task.goAheads.fault({ headSha: first, by: 'lead' }, 'api')?.type).toBe('WrongPhase');
  });

  it('before anything is delivered comes in the wrong phase', () => {
    const task = newTask();
    task.enter('go-ahead');
    expect(task.goAheads.fault({ headSha: first, by: 'lead' }, 'api')?.type).toBe('WrongPhase');
  });

  it('is bound to its commit, its giver and its way', () => {
    const task = waitingForGoAhead();
    expect(task.goAheads.give({ headSha: first, by: 'lead' }, 'api')).toEqual({
      sha: first,
      by: 'lead',
      via: 'api',
      at: 1_000,
    });
    expect(task.takeNews().events).toMatchObject([
      { type: 'go-ahead', message: `lead for ${first} through api` },
    ]);
  });
});

describe('a go-ahead by signal', () => {
  it('counts, and is recorded as given through Temporal', () => {
    const task = waitingForGoAhead({ coordinators: ['lead'] });
    task.goAheads.hear({ headSha: first, by: 'operator' });
    expect(task.view.goAhead).toMatchObject({ sha: first, by: 'operator', via: 'temporal' });
  });

  it.each<{ name: string; engine: Partial<EngineFacts>; raw: unknown; says: string }>([
    {
      name: 'where it is switched off',
      engine: { goAheadBySignal: false },
      raw: { headSha: first, by: 'operator' },
      says: 'switched off',
    },
    { name: 'without a body', engine: {}, raw: undefined, says: 'malformed' },
    { name: 'that is text', engine: {}, raw: first, says: 'malformed' },
    {
      name: 'for an abbreviation',
      engine: {},
      raw: { headSha: first.slice(0, 10), by: 'operator' },
      says: 'malformed',
    },
    { name: 'of nobody', engine: {}, raw: { headSha: first }, says: 'malformed' },
    { name: 'for another head', engine: {}, raw: { headSha: second, by: 'operator' }, says: `not ${second}` },
  ])('$name is noted and ignored', ({ engine, raw, says }) => {
    const task = waitingForGoAhead({}, engine);
    task.goAheads.hear(raw);
    expect(task.view.goAhead).toBeNull();
    const { events } = task.takeNews();
    expect(events.map(({ type }) => type)).toEqual(['ignored']);
    expect(events[0]?.message).toContain(says);
  });

  it('at another gate is noted and ignored', () => {
    const task = waitingForGoAhead();
    task.enter('review-and-ci');
    task.goAheads.hear({ headSha: first, by: 'operator' });
    expect(task.view.goAhead).toBeNull();
  });
});

describe('a merge request', () => {
  function ready(): TaskState {
    const task = newTask({ requireCi: true });
    deliver(task, first);
    task.view.pullRequest = 12;
    return task;
  }

  it('is for the head that was approved, with its own approvals', () => {
    const task = ready();
    task.reviewed(review('diff-check', second));
    task.reviewed(review('test-check', first));
    expect(task.nextMergeRequest('i1/mission-greetings/T-1')).toEqual({
      id: 'i1/mission-greetings/T-1#1',
      workflowId: 'i1/mission-greetings/T-1',
      mission: 'greetings',
      task: 'T-1',
      title: 'T-1: Greet',
      pullRequest: 12,
      branch: 'mission/greetings/T-1',
      headSha: first,
      approvals: [{ engine: 'test-check', summary: 'test-check read it' }],
      requireCi: true,
      host: 'h1',
    });
  });

  it('has an id of its own each time', () => {
    const task = ready();
    expect([task.nextMergeRequest('w').id, task.nextMergeRequest('w').id]).toEqual(['w#1', 'w#2']);
  });

  it('is a bug while somebody asks for changes at its head', () => {
    const task = ready();
    task.reviewed({ ...review('diff-check', first), verdict: 'request-changes' });
    expect(() => task.nextMergeRequest('w')).toThrow('diff-check does not approve');
  });

  it.each<{ name: string; spoil: (task: TaskState) => void }>([
    { name: 'a head', spoil: (task) => (task.view.headSha = null) },
    { name: 'a pull request', spoil: (task) => (task.view.pullRequest = null) },
  ])('is a bug without $name', ({ spoil }) => {
    const task = ready();
    spoil(task);
    expect(() => task.nextMergeRequest('w')).toThrow('nothing is ready to be merged');
  });
});

describe('the answers of the lane', () => {
  function heard(...answers: unknown[]): TaskState {
    const task = newTask();
    for (const answer of answers) task.hearLane(answer);
    return task;
  }

  const merged: MergeAnswer = { id: 'w#1', kind: 'merged', headSha: first, mergeSha: second };

  it.each<MergeAnswer>([
    merged,
    { id: 'w#1', kind: 'head-moved', headSha: null },
    { id: 'w#1', kind: 'conflict', files: ['a.js'] },
    {
      id: 'w#1',
      kind: 'ci-failed',
      headSha: first,
      report: { sha: first, verdict: 'failed', contexts: [] },
    },
    { id: 'w#1', kind: 'failed', reason: 'closed' },
    { id: 'w#1', kind: 'withdrawn' },
  ])('of $kind are the outcome', (answer) => {
    expect(heard(answer).laneOutcome('w#1')).toEqual(answer);
  });

  it.each<MergeAnswer>([
    { id: 'w#1', kind: 'too-late' },
    { id: 'w#1', kind: 'verified', verdict: 'passed', green: true },
  ])('of $kind are none', (answer) => {
    expect(heard(answer).laneOutcome('w#1')).toBeUndefined();
  });

  it.each<{ answer: MergeAnswer; heads: string[] }>([
    { answer: merged, heads: [first] },
    { answer: { id: 'w#1', kind: 'withdrawn', headSha: second }, heads: [second] },
    { answer: { id: 'w#1', kind: 'withdrawn' }, heads: [] },
    { answer: { id: 'w#1', kind: 'failed', reason: 'closed', headSha: second }, heads: [second] },
    { answer: { id: 'w#1', kind: 'conflict', files: [], headSha: second }, heads: [second] },
    // Somebody else's: the branch is not the engine's to delete.
    { answer: { id: 'w#1', kind: 'head-moved', headSha: second }, heads: [] },
  ])('tell where the branch was left: $answer.kind', ({ answer, heads }) => {
    expect([...heard(answer).heads]).toEqual(heads);
  });

  it('to another request are none', () => {
    expect(heard(merged).laneOutcome('w#2')).toBeUndefined();
  });

  it('after too-late are the outcome all the same', () => {
    expect(heard({ id: 'w#1', kind: 'too-late' }, merged).laneOutcome('w#1')).toEqual(merged);
  });

  it.each([
    { name: 'nothing', raw: undefined },
    { name: 'an unknown kind', raw: { id: 'w#1', kind: 'maybe' } },
    { name: 'a merge without its commit', raw: { id: 'w#1', kind: 'merged', headSha: first } },
    { name: 'an abbreviated commit', raw: { ...merged, mergeSha: 'abc1234' } },
  ])('that are malformed are noted and ignored: $name', ({ raw }) => {
    const task = heard(raw);
    expect(task.laneAnswers).toEqual([]);
    expect(task.takeNews().events).toMatchObject([{ type: 'ignored' }]);
  });

  it('on the merge commit count as they come: green after red is green', () => {
    const task = heard(merged);
    expect(task.mergeVerdict()).toBeUndefined();
    task.hearLane({ id: 'w#1', kind: 'verified', verdict: 'failed', green: false });
    expect(task.mergeVerdict()).toMatchObject({ verdict: 'failed', green: false });
    task.hearLane({ id: 'w#1', kind: 'verified', verdict: 'passed', green: true });
    expect(task.mergeVerdict()).toMatchObject({ verdict: 'passed', green: true });
  });
});
