import { afterEach, beforeEach, expect, it } from 'vitest';
import { updates } from '../../schema/contracts/messages.ts';
import type { FindingAnswer } from '../../schema/contracts/review.ts';
import { approval, FakeWorld, objection, sha } from '../fakes/fake-world.ts';
import { task } from '../support/plans.ts';
import { until } from '../support/until.ts';
import { startTestEngine, type TestEngine } from '../support/workers.ts';

let world: FakeWorld;
let engine: TestEngine;

beforeEach(async () => {
  world = new FakeWorld();
  engine = await startTestEngine(world);
});
afterEach(() => engine.stop());

const bug = objection('x may be null', { category: 'bug', file: 'a.js', line: 3 });

/** The first attempt is objected to; the author answers in the second, on the same head. */
function disputes(answer: FindingAnswer['answer']): void {
  world.author = ({ findings }) => ({
    kind: 'commit',
    name: 'same',
    answers: findings.map(({ id }) => ({ id, answer, because: 'x is never null' })),
  });
}

async function decide(option: string, id = 'T-1'): Promise<void> {
  const handle = engine.taskHandle({ mission: 'demo', task: id });
  await until(() => (world.views.get(id)?.questions.length ?? 0) > 0);
  const [question] = world.view(id).questions;
  expect(question).toMatchObject({ kind: 'conflict', session: null });
  expect(question?.options.map(({ id }) => id)).toEqual(['uphold', 'drop', 'defer']);
  expect(question?.detail).toContain('x is never null');
  await handle.executeUpdate(updates.answer, {
    args: [{ question: question?.id, option, by: 'ann' }],
  });
}

it('a finding is open over two rounds and then fixed; author and reviewers are told of it by its id', async () => {
  const told: unknown[] = [];
  world.reviewer = ({ engine: name, headSha, earlier }) => {
    if (name === 'diff-check') return approval;
    told.push(earlier.map(({ state, since }) => ({ state, since })));
    return headSha === sha('T-1.3') ? approval : bug;
  };
  const handle = await engine.startTask({});

  expect(await handle.result()).toMatchObject({ status: 'merged' });
  const { findings } = world.view('T-1');
  expect(findings).toMatchObject([
    { engine: 'test-check', state: 'fixed', since: sha('T-1.1'), last: sha('T-1.2') },
  ]);
  expect(findings[0]?.history.map(({ what }) => what)).toEqual(['found', 'found-again', 'not-found-again']);
  const since = sha('T-1.1');
  expect(told).toEqual([[], [{ state: 'new', since }], [{ state: 'open', since }]]);
  expect(world.sessions.map((session) => session.findings.map(({ id }) => id))).toEqual([
    [],
    [findings[0]?.id],
    [findings[0]?.id],
  ]);
});

it('a dispute that a person drops blocks no more, and its reviewer reads the head again before it is merged', async () => {
  const read: string[] = [];
  world.reviewer = ({ engine: name, earlier }) => {
    if (name === 'diff-check') return approval;
    read.push(earlier.map(({ state }) => state).join());
    return earlier.some(({ state }) => state === 'dropped') ? approval : bug;
  };
  disputes('disputed');
  const handle = await engine.startTask({});
  await decide('drop');

  expect(await handle.result()).toMatchObject({ status: 'merged' });
  expect(read).toEqual(['', 'dropped']);
  const { findings, reviews } = world.view('T-1');
  expect(findings).toMatchObject([{ state: 'dropped' }]);
  expect(findings[0]?.history.map(({ what, by }) => `${what} by ${by}`)).toEqual([
    'found by test-check',
    'disputed by demo.T-1.author.2',
    'dropped by ann',
  ]);
  expect(reviews.map(({ verdict }) => verdict)).toEqual(['approve', 'approve']);
});

it('a reviewer that insists on what was dropped gives no verdict: nothing is merged without its approval', async () => {
  world.reviewer = ({ engine: name }) => (name === 'diff-check' ? approval : bug);
  disputes('disputed');
  const handle = await engine.startTask({});
  await decide('drop');

  await until(() => world.views.get('T-1')?.status === 'blocked');
  expect(world.view('T-1').reason).toMatch(/^no verdict: f-.* was dropped by ann/);
  expect(world.merges).toEqual([]);
  await handle.executeUpdate(updates.resolve, { args: [{ action: 'abandon', by: 'ann' }] });
  expect(await handle.result()).toMatchObject({ status: 'abandoned' });
});

it('a dispute that a person upholds goes back to the author, who is told who decided', async () => {
  world.reviewer = ({ engine: name, headSha }) =>
    name === 'diff-check' || headSha === sha('mended') ? approval : bug;
  world.author = ({ launch, findings }) => ({
    kind: 'commit',
    name: launch === 3 ? 'mended' : 'same',
    answers: findings.map(({ id }) => ({ id, answer: 'disputed', because: 'x is never null' })),
  });
  const handle = await engine.startTask({});
  await decide('uphold');

  expect(await handle.result()).toMatchObject({ status: 'merged' });
  expect(world.sessions).toHaveLength(3);
  expect(world.sessions[2]?.findings[0]?.history.at(-1)).toMatchObject({ what: 'upheld', by: 'ann' });
  expect(world.view('T-1').findings).toMatchObject([{ state: 'fixed' }]);
});

it('an answer that can not be read, or is about nothing, is told: in the record, and to the next session', async () => {
  world.reviewer = ({ engine: name, headSha }) =>
    name === 'diff-check' || headSha === sha('T-1.4') ? approval : bug;
  world.author = ({ launch }) => ({
    ...{ kind: 'commit', name: `T-1.${launch}` },
    ...(launch === 2 ? { unreadAnswers: 'it is not JSON' } : {}),
    ...(launch === 3 ? { answers: [{ id: 'f-none', answer: 'disputed', because: 'no' }] } : {}),
  });
  const handle = await engine.startTask({});

  expect(await handle.result()).toMatchObject({ status: 'merged' });
  const unread = 'what demo.T-1.author.2 has answered to findings could not be read: it is not JSON';
  const unknown =
    'what demo.T-1.author.3 has answered to findings names what is no finding of this task: f-none';
  expect(world.events.filter(({ type }) => type === 'ignored').map(({ message }) => message)).toEqual([
    unread,
    unknown,
  ]);
  const told = world.sessions.map(({ feedback }) => feedback.map(({ message }) => message));
  expect(told[2]).toContainEqual(expect.stringContaining(`${unread}. It counts for nothing`));
  expect(told[3]).toContainEqual(expect.stringContaining(`${unknown}. It counts for nothing`));
  expect(world.view('T-1').findings[0]?.history.map(({ what }) => what)).not.toContain('disputed');
});

it('a dispute that the policy’s engine drops is asked of nobody, and its reviewer reads the head again', async () => {
  const asked: string[][] = [];
  world.judge = (disputed) => {
    asked.push(disputed.map(({ message }) => message));
    return disputed.map(({ id }) => ({ id, decision: 'drop', because: 'the caller checks it' }));
  };
  world.reviewer = ({ engine: name, earlier }) =>
    name === 'diff-check' || earlier.some(({ state }) => state === 'dropped') ? approval : bug;
  disputes('disputed');
  const handle = await engine.startTask({ policy: { disputes: 'oracle' } });

  expect(await handle.result()).toMatchObject({ status: 'merged' });
  expect(asked).toEqual([['x may be null']]);
  const { findings, sessions } = world.view('T-1');
  expect(findings[0]?.history.at(-1)).toMatchObject({
    ...{ what: 'dropped', by: 'demo.T-1.review-oracle.1', why: 'the caller checks it' },
  });
  expect(sessions.map(({ role }) => role)).toContain('review-oracle');
  expect(world.events.filter(({ type }) => type === 'asked')).toEqual([]);
});

it('what the policy’s engine upholds may be disputed once more, and then a person decides, told of both', async () => {
  let ruled = 0;
  world.judge = (disputed) => {
    ruled += 1;
    return disputed.map(({ id }) => ({ id, decision: 'uphold', because: 'a caller does not check it' }));
  };
  world.reviewer = ({ engine: name, earlier }) =>
    name === 'diff-check' || earlier.some(({ state }) => state === 'dropped') ? approval : bug;
  disputes('disputed');
  const handle = await engine.startTask({ policy: { disputes: 'oracle' } });
  await until(() => (world.views.get('T-1')?.questions.length ?? 0) > 0);
  expect(world.sessions).toHaveLength(3);
  expect(world.view('T-1').questions[0]?.detail).toContain(
    'Upheld by demo.T-1.review-oracle.1: a caller does not check it',
  );
  await decide('drop');

  expect(await handle.result()).toMatchObject({ status: 'merged' });
  expect(ruled).toBe(1);
  expect(world.view('T-1').findings[0]?.history.map(({ what }) => what)).toEqual([
    ...['found', 'disputed', 'upheld', 'disputed', 'dropped'],
  ]);
});

it('a dispute on which the policy’s engine says nothing that counts is asked of a person', async () => {
  world.judge = () => 'garbage';
  world.reviewer = ({ engine: name, earlier }) =>
    name === 'diff-check' || earlier.some(({ state }) => state === 'dropped') ? approval : bug;
  disputes('disputed');
  const handle = await engine.startTask({ policy: { disputes: 'oracle' } });
  await decide('drop');

  expect(await handle.result()).toMatchObject({ status: 'merged' });
  expect(world.events.map(({ message }) => message)).toContain('no ruling: no JSON');
});

it('a dispute is asked of a person while the quota of the policy’s engine is closed: nobody waits for that', async () => {
  world.placement = () => ({
    kind: 'closed',
    on: 'the quota of the account pi',
    until: Date.now() + 86_400_000,
  });
  world.judge = () => {
    throw new Error('it was launched');
  };
  world.reviewer = ({ engine: name, earlier }) =>
    name === 'diff-check' || earlier.some(({ state }) => state === 'dropped') ? approval : bug;
  disputes('disputed');
  engine.facts.placement = true;
  const reviewAgents = [{ engine: 'oracle', program: { runtime: 'pi' as const } }];
  const handle = await engine.startTask({ policy: { disputes: 'oracle' }, reviewAgents });
  await decide('drop');

  expect(await handle.result()).toMatchObject({ status: 'merged' });
  expect(world.events.map(({ message }) => message)).toContain(
    'no ruling: oracle: the quota of the account pi is closed',
  );
});

it('what a person defers gets a task of its own in the mission, which names the finding', async () => {
  world.reviewer = ({ engine: name, task: of, earlier }) =>
    name === 'diff-check' || of !== 'T-1' || earlier.some(({ state }) => state === 'deferred')
      ? approval
      : bug;
  world.author = ({ task: id, launch, findings }) => ({
    kind: 'commit',
    name: id === 'T-1' ? 'same' : `${id}.${launch}`,
    answers: findings.map((finding) => ({ id: finding.id, answer: 'disputed', because: 'x is never null' })),
  });
  const mission = await engine.startMission({
    key: 'demo',
    milestones: [
      { id: 'm1', tasks: [task('T-1'), task('T-2', { dependsOn: ['T-1'] })] },
      { id: 'm2', tasks: [task('T-3')] },
    ],
  });
  await decide('defer');

  const { status, tasks } = await mission.result();
  expect(status).toBe('completed');
  expect(tasks.map((one) => `${one.task} ${one.status}`).sort()).toEqual([
    'T-1 merged',
    'T-1-QA merged',
    'T-2 merged',
    'T-3 merged',
  ]);
  const [finding] = world.view('T-1').findings;
  expect(finding).toMatchObject({ state: 'deferred' });
  const added = world.events.find(({ type }) => type === 'amended');
  expect(added?.message).toContain(
    `T-1-QA added to m1, by engine: what was put off in T-1 (${finding?.id ?? ''})`,
  );
  expect(world.view('T-1-QA').title).toContain('What was put off in T-1');
});

it('what is put off a second time, in the task that was made for it, gets the next one', async () => {
  world.reviewer = ({ engine: name, task: of, earlier }) =>
    name === 'diff-check' || of === 'T-1-QA-2' || earlier.some(({ state }) => state === 'deferred')
      ? approval
      : bug;
  world.author = ({ task: id, findings }) => ({
    kind: 'commit',
    name: id,
    answers: findings.map((finding) => ({ id: finding.id, answer: 'disputed', because: 'x is never null' })),
  });
  const mission = await engine.startMission({
    key: 'demo',
    milestones: [{ id: 'm1', tasks: [task('T-1')] }],
  });
  await decide('defer');
  await decide('defer', 'T-1-QA');

  const { status, tasks } = await mission.result();
  expect(status).toBe('completed');
  expect(tasks.map((one) => `${one.task} ${one.status}`)).toEqual([
    'T-1 merged',
    'T-1-QA merged',
    'T-1-QA-2 merged',
  ]);
  const amended = world.events.filter(({ type }) => type === 'amended').map(({ message }) => message);
  expect(amended[1]).toContain('T-1-QA-2 added to m1, by engine: what was put off in T-1-QA');
});

it('what should be fixed is sent back by policy, also where it was approved', async () => {
  world.reviewer = ({ engine: name, headSha }) =>
    name === 'test-check' && headSha === sha('T-1.1')
      ? { ...objection('slow', { severity: 'should-fix' }), verdict: 'approve' }
      : approval;
  const handle = await engine.startTask({ policy: { shouldFix: 'send-back' } });

  expect(await handle.result()).toMatchObject({ status: 'merged' });
  expect(world.sessions).toHaveLength(2);
  expect(world.sessions[1]?.feedback[0]).toMatchObject({
    message: 'test-check approves, and the policy sends back what should be fixed',
    findings: [{ severity: 'should-fix', message: 'slow' }],
  });
});

it('what should be fixed is noted where the policy says nothing', async () => {
  world.reviewer = () => ({ ...objection('slow', { severity: 'should-fix' }), verdict: 'approve' });
  const handle = await engine.startTask({});

  expect(await handle.result()).toMatchObject({ status: 'merged' });
  expect(world.sessions).toHaveLength(1);
  expect(world.view('T-1').findings).toMatchObject([{ state: 'new' }, { state: 'new' }]);
});

it('who verifies fixes is called by the heads that have some to show, and its approval is needed there', async () => {
  const read: string[] = [];
  world.reviewer = ({ engine: name, headSha, earlier }) => {
    if (name === 'cheap') read.push(headSha);
    if (name === 'test-check' && headSha === sha('T-1.1')) return bug;
    // The finder overlooks that its own finding still stands.
    const isMended = headSha === sha('T-1.3');
    return name === 'cheap' && !isMended ? objection(`${earlier[0]?.id ?? ''} still stands`) : approval;
  };
  const reviewers = [
    { engine: 'diff-check' },
    { engine: 'test-check' },
    { engine: 'cheap', role: 'fixes' as const },
  ];
  const handle = await engine.startTask({ policy: { reviewers } });

  expect(await handle.result()).toMatchObject({ status: 'merged' });
  expect(read).toEqual([sha('T-1.2'), sha('T-1.3')]);
  expect(world.merges).toEqual([expect.objectContaining({ headSha: sha('T-1.3') })]);
  expect(world.view('T-1').findings.map(({ engine: by, state }) => ({ by, state }))).toEqual([
    { by: 'test-check', state: 'fixed' },
    { by: 'cheap', state: 'fixed' },
  ]);
});

it('who verifies fixes blocks the head that it objects to, also when that very head comes back', async () => {
  world.reviewer = ({ engine: name, headSha }) => {
    if (name === 'test-check' && headSha === sha('T-1.1')) return bug;
    return name === 'cheap' && headSha === sha('T-1.2') ? objection('y may be null too') : approval;
  };
  world.author = ({ launch }) => ({ kind: 'commit', name: `T-1.${['1', '2', '2'][launch - 1] ?? launch}` });
  const reviewers = [
    { engine: 'diff-check' },
    { engine: 'test-check' },
    { engine: 'cheap', role: 'fixes' as const },
  ];
  const handle = await engine.startTask({ policy: { reviewers } });

  expect(await handle.result()).toMatchObject({ status: 'merged' });
  expect(world.sessions).toHaveLength(4);
  expect(world.merges).toEqual([expect.objectContaining({ headSha: sha('T-1.4') })]);
});
