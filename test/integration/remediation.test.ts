import { describe, expect, it, onTestFinished } from 'vitest';
import { unavailable } from '../../activities/failures.ts';
import { updates } from '../../schema/contracts/messages.ts';
import { approval, FakeWorld } from '../fakes/fake-world.ts';
import { task } from '../support/plans.ts';
import { noTestServer, useSkippingServer } from '../support/time-skipping.ts';
import { until } from '../support/until.ts';
import { startTestEngine, type TestEngine } from '../support/workers.ts';

async function startEngine(...of: Parameters<typeof startTestEngine>): Promise<TestEngine> {
  const engine = await startTestEngine(...of);
  onTestFinished(() => engine.stop());
  return engine;
}

/** Seconds pass in moments: the server skips what nobody works in. */
describe.skipIf(noTestServer)('what fails (skipped without the time-skipping server)', () => {
  const environment = useSkippingServer();

  const start = (world: FakeWorld) =>
    startEngine(world, { address: environment.address, searchAttributes: false });

  it('on the way to the forge is tried four times more, 2, 4, 8 and 16 s later, and then is a person’s', async () => {
    const world = new FakeWorld();
    let tries = 0;
    world.beforePush = () => {
      tries += 1;
      if (tries <= 5) throw unavailable('git push origin in /srv/m.git ended with 128: no route to host');
    };
    const engine = await start(world);
    const handle = await engine.startTask({});

    await until(() => tries > 0);
    await environment.sleep('1 minute');
    await until(() => world.views.get('T-1')?.status === 'blocked');
    expect(tries).toBe(5);
    expect(world.view('T-1').reason).toBe(
      'pushBranch: git push origin in /srv/m.git ended with 128: no route to host',
    );
    await handle.executeUpdate(updates.resolve, { args: [{ action: 'retry', by: 'lead' }] });
    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(tries).toBe(6);

    const { events = [] } = await handle.fetchHistory();
    const pushes = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
      scheduled?.activityType?.name === 'pushBranch' ? [scheduled.retryPolicy] : [],
    );
    expect(pushes).toHaveLength(2);
    for (const retry of pushes) {
      expect(Number(retry?.initialInterval?.seconds)).toBe(2);
      expect(retry).toMatchObject({ backoffCoefficient: 2, maximumAttempts: 5 });
    }
  });

  it('around a session is tried as often, though a session may lose its worker far more often', async () => {
    const world = new FakeWorld();
    let tries = 0;
    world.author = ({ task: id, launch }) => {
      tries += 1;
      if (tries <= 5) throw unavailable('git fetch origin ended with 128: no route to host');
      return { kind: 'commit', name: `${id}.${launch}` };
    };
    const engine = await start(world);
    const handle = await engine.startTask({});

    await until(() => tries > 0);
    await environment.sleep('1 minute');
    await until(() => world.views.get('T-1')?.status === 'blocked');
    expect(tries).toBe(5);
    expect(world.view('T-1').reason).toContain('git fetch origin ended with 128: no route to host');
    await handle.executeUpdate(updates.resolve, { args: [{ action: 'retry', by: 'lead' }] });
    expect(await handle.result()).toMatchObject({ status: 'merged' });
  });

  it('inside the lane parks that task only: the next comes in', async () => {
    const world = new FakeWorld();
    // Their branches are brought up in the lane.
    world.reviewer = () => {
      world.moveBase();
      return approval;
    };
    let tries = 0;
    world.conflicts = ({ task: id }) => {
      if (id !== 'A') return [];
      tries += 1;
      if (tries <= 5) throw unavailable('git fetch origin ended with 128: no route to host');
      return [];
    };
    const engine = await start(world);
    const stuck = await engine.startTask({ task: task('A') });
    await until(() => tries > 0);
    const next = await engine.startTask({ task: task('B') });
    await environment.sleep('1 minute');

    expect(await next.result()).toMatchObject({ status: 'merged' });
    expect(world.view('A').status).toBe('blocked');
    expect(world.view('A').reason).toContain('updateBranch: git fetch origin ended with 128');
    await stuck.executeUpdate(updates.resolve, { args: [{ action: 'retry', by: 'lead' }] });
    expect(await stuck.result()).toMatchObject({ status: 'merged' });
    expect(tries).toBe(6);
  });
});

describe('what fails', () => {
  it('of an author goes on with a stronger model when the first remediation has failed too', async () => {
    const world = new FakeWorld();
    world.author = ({ launch }) =>
      launch < 3 ? { kind: 'red-check', check: 'npm test' } : { kind: 'commit', name: `T-1.${launch}` };
    const engine = await startEngine(world);
    const program = { runtime: 'codex', model: 'small' } as const;
    const handle = await engine.startTask({
      task: task('T-1', { program }),
      policy: { stronger: { model: 'large', effort: 'max' } },
    });

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.sessions.map(({ program: its }) => its)).toEqual([
      program,
      program,
      { runtime: 'codex', model: 'large', effort: 'max' },
    ]);
    // Each is told what was tried, and why it failed.
    expect(world.sessions[2]?.feedback.map(({ message }) => message)).toEqual([
      'npm test is red',
      'npm test is red',
    ]);
  });

  it('again and again parks with the very command that fails', async () => {
    const world = new FakeWorld();
    world.author = () => ({ kind: 'red-check', check: 'npm test -- --run' });
    const engine = await startEngine(world);
    const handle = await engine.startTask({ policy: { remediations: 1 } });

    await until(() => world.views.get('T-1')?.status === 'blocked');
    expect(world.view('T-1').reason).toBe('npm test -- --run is red (2 times)');
    expect(world.view('T-1').failures.map(({ signature }) => signature)).toEqual([
      'verify-delivery:check:npm test -- --run',
      'verify-delivery:check:npm test -- --run',
    ]);
    await handle.executeUpdate(updates.resolve, { args: [{ action: 'abandon', by: 'lead' }] });
    expect(await handle.result()).toMatchObject({ status: 'abandoned' });
  });
});
