import { NativeConnection } from '@temporalio/worker';
import { afterEach, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import type { Program, StartedTask } from '../../schema/contracts/plan.ts';
import { signals, updates } from '../../schema/contracts/messages.ts';
import { hostQueue } from '../../schema/contracts/names.ts';
import type { Question } from '../../schema/contracts/question.ts';
import type { Placement, PlaceRequest } from '../../workflows/ports.ts';
import { createHostWorkers } from '../../workers/workers.ts';
import { FakeWorld, sha } from '../fakes/fake-world.ts';
import { moment } from '../support/moment.ts';
import { task } from '../support/plans.ts';
import { until } from '../support/until.ts';
import { startTestEngine, type TestEngine } from '../support/workers.ts';

const codex: Program = { runtime: 'codex' };
const agent: Partial<StartedTask> = { program: codex };

let world: FakeWorld;
let engine: TestEngine;

beforeEach(async () => {
  world = new FakeWorld();
  engine = await startTestEngine(world);
  engine.facts.placement = true;
});
afterEach(() => engine.stop());

function on(host: string, leaseSeconds: number | null = 5): (request: PlaceRequest) => Placement {
  return ({ programs: [program = codex] }) => ({
    ...{ kind: 'placed', host, leaseSeconds, program, account: program.runtime },
  });
}

/** A second host, served by this process. */
async function serve(host: string): Promise<void> {
  const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
  const { installation } = engine.facts;
  // Its one slot stays with a run that hangs: nothing else is begun there.
  const activities = { ...world.control(), ...world.host() };
  const common = { connection, namespace: 'default', installation, slots: 1 };
  const workers = await createHostWorkers({ ...common, host, activities });
  const running = Promise.all(workers.map((worker) => worker.run()));
  onTestFinished(async () => {
    for (const worker of workers) worker.shutdown();
    await running;
    await connection.close();
  });
}

describe('a task whose sessions are placed', () => {
  it('has them, its checks and its push on that host, its reviews on the engine’s, and leaves nothing behind', async () => {
    await serve('far');
    world.placement = on('far');
    world.author = () => ({ kind: 'commit', name: 'good', agent: {} });
    const handle = await engine.startTask({ task: task('T-1', agent) });

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    const { sessions } = world.view('T-1');
    expect(sessions.map(({ role, host, account }) => [role, host, account]).sort()).toEqual([
      ['author', 'far', 'codex'],
      ['review-diff-check', 'local', undefined],
      ['review-test-check', 'local', undefined],
    ]);
    expect(world.events.find(({ type }) => type === 'session-started')?.message).toContain('on far');
    expect(world.cleaned).toEqual(['T-1', 'T-1']);
  });

  it('has what a person answers brought to the host that its agent works on', async () => {
    await serve('far');
    world.placement = on('far');
    const { come: release, came: released } = moment();
    onTestFinished(() => release());
    world.author = async () => {
      await released;
      return { kind: 'commit', name: 'good', agent: {} };
    };
    const handle = await engine.startTask({ task: task('T-1', agent) });
    await until(() => world.sessions.length === 1);
    const question: Question = {
      ...{ id: 'author-1-1', session: 'm.T-1.author.1', title: 'Run it', detail: null, at: 0 },
      options: [{ id: 'yes', name: 'Yes' }],
    };
    await handle.signal(signals.question, { kind: 'asked', question });
    await until(() => world.view('T-1').questions.length === 1);
    const answer = { question: question.id, option: 'yes', by: 'lead' };
    await handle.executeUpdate(updates.answer, { args: [answer] });
    const { installation } = engine.facts;
    const queue = hostQueue({ installation, host: 'far' });
    expect(world.answers).toEqual([{ question: question.id, option: 'yes', queue }]);
    release();
    expect(await handle.result()).toMatchObject({ status: 'merged' });
  });

  it('has its reviewers seated too: of one account they read one after the other, when its author has left', async () => {
    const full: Placement = { kind: 'full', on: 'one of the 1 seats of the account codex' };
    let seated: string | undefined;
    world.placement = (request) => {
      const ended = world.views.get('T-1')?.sessions.map(({ id }) => id) ?? [];
      const isTaken = seated !== undefined && seated !== request.sessionId && !ended.includes(seated);
      if (isTaken) return full;
      seated = request.sessionId;
      return on(request.at ?? 'local', null)(request);
    };
    const reviewAgents = ['diff-check', 'test-check'].map((engine) => ({ engine, program: codex }));
    const handle = await engine.startTask({ task: task('T-1', agent), reviewAgents });

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    const { sessions, waited } = world.view('T-1');
    expect(sessions.map(({ role, account }) => [role, account]).sort()).toEqual([
      ['author', 'codex'],
      ['review-diff-check', 'codex'],
      ['review-test-check', 'codex'],
    ]);
    expect(waited.map((wait) => wait.on)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^(?:diff|test)-check: one of the 1 seats of the account/),
      ]),
    );
  });

  it('does not launch a reviewer while the quota of its account is closed, and says so', async () => {
    const closed: Placement = {
      kind: 'closed',
      on: 'the quota of the account codex',
      until: Date.now() + 4_000,
    };
    world.placement = (request) =>
      Date.now() < closed.until ? closed : on(request.at ?? 'local', null)(request);
    const reviewAgents = [{ engine: 'diff-check', program: codex }];
    const handle = await engine.startTask({ reviewAgents });
    expect(await handle.result()).toMatchObject({ status: 'merged' });
    const { sessions, waited } = world.view('T-1');
    const seated = sessions.find(({ role }) => role === 'review-diff-check');
    expect(seated?.startedAt).toBeGreaterThanOrEqual(closed.until);
    expect(waited.map((wait) => wait.on)).toContain(
      `diff-check: the quota of the account codex, not before ${new Date(closed.until).toISOString()}`,
    );
  });

  it('asks for no place where it is a script without labels', async () => {
    world.placement = () => ({ kind: 'nowhere', reason: 'it was asked for' });
    const handle = await engine.startTask({});
    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect((await handle.describe()).historyLength).toBeLessThanOrEqual(110);
  });

  it('says what it waits on while all is taken, lets go when it is cancelled, and asks a person where it can run nowhere', async () => {
    world.placement = () => ({ kind: 'full', on: 'one of the 2 seats of the account codex' });
    const cancelled = await engine.startTask({ task: task('T-1', agent) });
    await until(() => world.views.get('T-1')?.waits?.on === 'one of the 2 seats of the account codex');
    await cancelled.cancel();
    await expect(cancelled.result()).rejects.toThrow(/cancel/i);

    world.placement = () => ({ kind: 'nowhere', reason: 'no host has codex' });
    await engine.startTask({ task: task('T-2', agent) });
    await until(() => world.views.get('T-2')?.status === 'blocked');
    expect(world.view('T-2').reason).toBe('no host has codex');
    expect(world.sessions).toEqual([]);
  });

  it('goes on elsewhere when its host is lost, from what was pushed; what comes from there later does not count', async () => {
    await serve('far');
    world.placement = on('far');
    const { come: release, came: released } = moment();
    onTestFinished(() => release());
    let late = false;
    world.author = async ({ launch }) => {
      if (launch > 1) return { kind: 'commit', name: 'good', agent: {} };
      await released;
      late = true;
      return { kind: 'commit', name: 'late', agent: {} };
    };
    const handle = await engine.startTask({
      task: task('T-1', agent),
      policy: { sessions: 1, coordinators: ['lead'] },
    });
    await until(() => world.sessions.length === 1);
    world.hostStates.set('far', 'lost');
    world.placement = on('local', null);
    await until(() => world.views.get('T-1')?.gate === 'go-ahead');
    release();
    await until(() => late);

    expect(world.sessions.map(({ launch, host }) => [launch, host])).toEqual([
      [1, 'far'],
      [2, 'local'],
    ]);
    expect(world.sessions[1]?.resumes).toBeUndefined();
    expect(world.sessions[1]?.feedback[0]?.message).toBe(
      'the host far is lost: work that was not pushed stays there; nothing had been pushed',
    );
    const authors = world.view('T-1').sessions.filter(({ role }) => role === 'author');
    expect(authors.map(({ host, end }) => [host, end])).toEqual([
      ['far', 'lost'],
      ['local', 'exited'],
    ]);
    expect(world.view('T-1').headSha).toBe(sha('good'));
    expect(world.view('T-1').failures).toEqual([]);
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow(/cancel/i);
  });

  it('waits for a host that is only busy or silent', async () => {
    world.placement = on('late');
    world.hostStates.set('late', 'silent');
    world.author = () => ({ kind: 'commit', name: 'good', agent: {} });
    const handle = await engine.startTask({ task: task('T-1', agent) });
    await until(async () => {
      const { events } = await handle.fetchHistory();
      return events?.some((event) => event.activityTaskTimedOutEventAttributes) ?? false;
    });
    await serve('late');
    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.sessions).toHaveLength(1);
  });
});
