import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { signals, updates } from '../../schema/contracts/messages.ts';
import type { Policy } from '../../schema/contracts/mission-file.ts';
import { packageRoot } from '../../schema/package-root.ts';
import { bundleWorkflows } from '../../scripts/build.mjs';
import type { Ask } from '../../workflows/task-asks.ts';
import { FakeWorld } from '../fakes/fake-world.ts';
import { task } from '../support/plans.ts';
import { inCommon, temporaryFolder } from '../support/temporary.ts';
import { noTestServer, useSkippingServer } from '../support/time-skipping.ts';
import { until } from '../support/until.ts';
import { startTestEngine, wordsOfRefusal } from '../support/workers.ts';

const question: Ask = {
  id: 'law-1',
  kind: 'law',
  title: 'The diff deletes a test: may it?',
  detail: 'test/greet.test.js',
  options: [
    { id: 'allow', name: 'It may' },
    { id: 'refuse', name: 'It may not' },
  ],
};

const bundle = inCommon(async (atEnd) => {
  const to = join(await temporaryFolder(atEnd), 'bundle.js');
  await bundleWorkflows({ workflows: join(packageRoot(), 'test/fakes/asking-workflow.ts'), to });
  return to;
});

async function startAskingOn(address: string, asks: Ask[], policy: Partial<Policy> = {}) {
  const world = new FakeWorld();
  const options = { address, searchAttributes: false, bundle: bundle() };
  let engine = await startTestEngine(world, options);
  onTestFinished(() => engine.stop());
  const handle = await engine.startTask({ policy, task: task('T-1', { goal: JSON.stringify(asks) }) });
  await until(() => (world.views.get('T-1')?.questions.length ?? 0) > 0);
  return { world, handle, replaceWorkers };

  /** Another process goes on with the task: it knows of it what is in its history. */
  async function replaceWorkers(): Promise<WorkflowHandle> {
    const { installation } = engine.facts;
    await engine.stop();
    engine = await startTestEngine(world, { ...options, installation });
    return engine.taskHandle({ mission: 'demo', task: 'T-1' });
  }
}

function answer(handle: WorkflowHandle, option: string, of: { question?: string; by?: string } = {}) {
  const { question: id = question.id, by = 'lead' } = of;
  return handle.executeUpdate(updates.answer, { args: [{ question: id, option, by }] });
}

/** On the server that skips time a task whose workers are replaced hangs, and with it all that come after. */
it('a question of the engine is asked once and goes on exactly there when all workers were replaced', async () => {
  const { world, replaceWorkers } = await startAskingOn(inject('temporalAddress'), [question]);
  const handle = await replaceWorkers();
  await answer(handle, 'allow');
  expect(await handle.result()).toMatchObject({ reason: 'law-1: allow by lead' });
  expect(world.events.map(({ type }) => type).filter((type) => type === 'asked')).toHaveLength(1);
});

/** Days pass in moments: the server skips what nobody works in. */
describe.skipIf(noTestServer)('a question of the engine (skipped without the time-skipping server)', () => {
  const environment = useSkippingServer();
  const startAsking = (asks: Ask[], policy?: Partial<Policy>) =>
    startAskingOn(environment.address, asks, policy);

  it('waits a month for a person, goes on exactly there, and takes one answer', async () => {
    const next = { ...question, id: 'law-2', title: 'And this one?' };
    const { world, handle } = await startAsking([question, next]);
    expect(world.view('T-1')).toMatchObject({
      gate: 'implement',
      waits: { for: 'person', on: `an answer to law-1: ${question.title}` },
      questions: [{ ...question, session: null }],
    });
    await environment.sleep('30 days');
    expect(await wordsOfRefusal(answer(handle, 'maybe'))).toBe('law-1 can be answered with allow, refuse');
    await answer(handle, 'refuse');

    await until(() => world.view('T-1').questions.some(({ id }) => id === 'law-2'));
    expect(world.view('T-1').questions).toHaveLength(1);
    expect(await wordsOfRefusal(answer(handle, 'allow', { by: 'other' }))).toMatch(
      /^law-1 was answered already: refuse by lead at \d{4}-\d\d-\d\dT/,
    );
    await answer(handle, 'allow', { question: 'law-2' });
    expect(await handle.result()).toMatchObject({ reason: 'law-1: refuse by lead, law-2: allow by lead' });
    expect(world.events.filter(({ type }) => type === 'asked')).toHaveLength(2);
  });

  it('that is asked again is still the same, and its answer stands', async () => {
    const { world, handle } = await startAsking([question, question]);
    await answer(handle, 'allow');
    expect(await handle.result()).toMatchObject({ reason: 'law-1: allow by lead, law-1: allow by lead' });
    expect(world.events.filter(({ type }) => type === 'asked')).toHaveLength(1);
  });

  it('reminds ever more seldom, and never answers for a person where that is a law', async () => {
    const day = 24 * 60 * 60;
    const { world, handle } = await startAsking([question], {
      questions: { remindSeconds: 3_600, expireSeconds: day, default: { budget: 'refuse' } },
    });
    expect(world.view('T-1').questions[0]).not.toHaveProperty('expiresAt');
    await environment.sleep('10 days');
    const reminders = world.events.filter(({ type }) => type === 'reminded');
    expect(reminders[0]?.message).toMatch(/^since \d{4}-.*: law-1: The diff deletes a test: may it\?$/);
    // After 1, 3, 7, 15 and 31 hours, and then once a day.
    expect(reminders).toHaveLength(13);
    await answer(handle, 'refuse');
    expect(await handle.result()).toMatchObject({ reason: 'law-1: refuse by lead' });
  });

  it('expires to what the policy says, and tells so whoever answers later', async () => {
    const budget: Ask = { ...question, id: 'budget-1', kind: 'budget' };
    const { world, handle } = await startAsking([budget, { ...question, id: 'law-1' }], {
      questions: { expireSeconds: 3_600, default: { budget: 'refuse' } },
    });
    const [asked] = world.view('T-1').questions;
    expect(asked).toMatchObject({ default: 'refuse', expiresAt: (asked?.at ?? 0) + 3_600_000 });
    await environment.sleep('2 hours');
    await until(() => world.view('T-1').questions.some(({ id }) => id === 'law-1'));
    expect(await wordsOfRefusal(answer(handle, 'allow', { question: 'budget-1' }))).toMatch(
      /^budget-1 has expired at \d{4}-.*Z: refuse was taken by policy; it asked: The diff deletes a test: may it\?$/,
    );
    await answer(handle, 'allow');
    expect(await handle.result()).toMatchObject({
      reason: 'budget-1: refuse by policy, law-1: allow by lead',
    });
  });

  it('of an agent is reminded of and expires in the same way', async () => {
    const { world, handle } = await startAsking([question], {
      questions: { remindSeconds: 600, expireSeconds: 3_600, default: { permission: 'no' } },
    });
    const at = await environment.currentTimeMs();
    const options = [
      { id: 'yes', name: 'Yes' },
      { id: 'no', name: 'No' },
    ];
    const permission = { id: 'author-1-1', session: 'demo.T-1.author.1', title: 'Run it', detail: null };
    await handle.signal(signals.question, {
      kind: 'asked',
      question: { ...permission, options, at },
    });
    await until(() => world.view('T-1').questions.length === 2);
    await environment.sleep('2 hours');
    await until(() => world.answers.length > 0);
    expect(world.answers).toMatchObject([{ question: 'author-1-1', option: 'no' }]);
    expect(await wordsOfRefusal(answer(handle, 'yes', { question: 'author-1-1' }))).toContain(
      'no was taken by policy',
    );
    const reminders = world.events.filter(({ type }) => type === 'reminded');
    expect(reminders.map(({ message }) => message)).toContainEqual(expect.stringContaining('author-1-1'));
    await answer(handle, 'allow');
    expect(await handle.result()).toMatchObject({ reason: 'law-1: allow by lead' });
  });
});
