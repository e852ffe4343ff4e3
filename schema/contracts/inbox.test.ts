import { describe, expect, it } from 'vitest';
import type { Waiting } from './gates.ts';
import { ItemId, itemsOfMission, itemsOfTask, readItemId } from './inbox.ts';
import { initialTaskView, type MissionView, type TaskView } from './views.ts';

const headSha = 'a'.repeat(40);

function view(more: Partial<TaskView>): TaskView {
  const initial = initialTaskView({ mission: 'm', milestone: 'm1', id: 'T-1', title: 'Greet' });
  return { ...initial, status: 'running', headSha, pullRequest: 7, ...more };
}

function items(more: Partial<TaskView>) {
  return itemsOfTask({ mission: 'm', view: view(more) });
}

/** Without `about`: as views were before it was kept. */
function waits(
  gate: TaskView['gate'],
  on: string,
  about?: Waiting['about'],
): Pick<TaskView, 'gate' | 'waits'> {
  return { gate, waits: { gate, on, for: 'person', since: 5, ...(about ? { about } : {}) } };
}

const question = {
  id: 'law-1',
  session: null,
  kind: 'law' as const,
  title: 'May it?',
  detail: 'test.js',
  options: [
    { id: 'allow', name: 'Yes' },
    { id: 'refuse', name: 'No' },
  ],
  at: 3,
};

describe('what a task waits for a person for', () => {
  it('is nothing while it works, or waits for somebody else', () => {
    expect(items({})).toEqual([]);
    expect(items({ waits: { gate: 'implement', on: 'session 1', for: 'agent', since: 0 } })).toEqual([]);
  });

  it('are its questions, each with its choices and the command that answers it', () => {
    const permission = { ...question, id: 'author-1-1', session: 's', kind: undefined, at: 4 };
    const asked = { ...waits('implement', 'an answer to law-1'), questions: [question, permission] };
    expect(items(asked)).toMatchObject([
      {
        id: 'm.T-1.law-1',
        kind: 'question',
        about: 'law',
        asks: 'May it?',
        detail: 'test.js',
        choices: question.options,
        since: 3,
        answerWith: 'mission answer m.T-1.law-1 allow|refuse',
      },
      { id: 'm.T-1.author-1-1', about: 'permission', since: 4 },
    ]);
  });

  it.each(['go-ahead', undefined] as const)('is the go-ahead for exactly the head that is there', (about) => {
    expect(items(waits('go-ahead', 'the merge go-ahead', about))).toMatchObject([
      { id: `m.T-1.go-ahead-${headSha}`, kind: 'go-ahead', about: null, headSha, pullRequest: 7, since: 5 },
    ]);
  });

  it('is the answer to a block, with what has failed and the command that was red', () => {
    const failures = [
      { gate: 'implement' as const, signature: 'implement:lost', message: 'was lost', sha: null },
      {
        gate: 'verify-delivery' as const,
        signature: 'a red check',
        message: 'npm test is red',
        sha: headSha,
        check: 'npm test -- --run',
      },
    ];
    const blocked = { about: 'remediation' as const, at: 9 };
    const reason = 'npm test is red (4 times)';
    expect(
      items({ ...waits('verify-delivery', 'an answer'), status: 'blocked', reason, failures, blocked }),
    ).toMatchObject([
      {
        id: 'm.T-1.blocked-9',
        kind: 'blocked',
        about: 'remediation',
        asks: reason,
        detail: 'implement: was lost\nverify-delivery: npm test is red',
        command: 'npm test -- --run',
        since: 9,
        answerWith: 'mission answer m.T-1.blocked-9 retry|skip|abandon',
      },
    ]);
  });

  it.each(['red-base', undefined] as const)('is a base that is red, which nobody answers', (about) => {
    expect(items(waits('merge-lane', 'main to be mended: npm test fails', about))).toMatchObject([
      { kind: 'red-base', choices: [], answerWith: null },
    ]);
  });

  it.each(['push', 'go-ahead', 'merge-lane'] as const)(
    'is nothing of its own while its mission is paused, at %s',
    (gate) => {
      expect(items(waits(gate, 'somebody else', 'held'))).toEqual([]);
    },
  );

  it('is nothing that is known of an older view which waits at another gate', () => {
    expect(items(waits('push', 'the mission to be resumed: it is paused by engine'))).toEqual([]);
  });
});

it('a mission that the engine has paused waits for a person, and one that somebody has paused does not', () => {
  const mission: MissionView = {
    id: 'm',
    title: 'M',
    status: 'paused',
    repository: { id: 'r', forge: 'local', address: '/r', base: 'main' },
    milestone: 'm1',
    paused: { by: 'engine', reason: 'm1 is not verified', at: 8 },
    asked: [],
    reason: null,
  };
  expect(itemsOfMission(mission)).toMatchObject([{ id: 'm.paused-8', asks: 'm1 is not verified', since: 8 }]);
  expect(itemsOfMission({ ...mission, paused: { by: 'lead', reason: null, at: 8 } })).toEqual([]);
});

it('an item’s id says whose answer it asks for', () => {
  const read = (id: string) => readItemId(ItemId.parse(id));
  expect(read('m.T-1.law-1')).toEqual({ kind: 'question', mission: 'm', task: 'T-1', question: 'law-1' });
  expect(read(`m.T-1.go-ahead-${headSha}`)).toMatchObject({ kind: 'go-ahead', headSha });
  expect(read('m.T-1.blocked-9')).toMatchObject({ kind: 'blocked', since: 9 });
  expect(read('m.T-1.red-base')).toMatchObject({ kind: 'red-base' });
  expect(read('m.paused-8')).toEqual({ kind: 'paused', mission: 'm', since: 8 });
  expect(read('m.nothing')).toBeUndefined();
  expect(ItemId.safeParse('m/T-1').success).toBe(false);
});
