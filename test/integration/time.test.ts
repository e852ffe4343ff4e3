import { describe, expect, it } from 'vitest';
import { updates } from '../../schema/contracts/messages.ts';
import { FakeWorld, objection, sha, usage } from '../fakes/fake-world.ts';
import { task } from '../support/plans.ts';
import { startTestEngine } from '../support/workers.ts';
import { noTestServer, useSkippingServer } from '../support/time-skipping.ts';
import { until } from '../support/until.ts';

/** Days pass in moments: the server skips what nobody works in. */
describe.skipIf(noTestServer)('over days (skipped without the time-skipping server)', () => {
  const environment = useSkippingServer();

  it('a pending CI is waited for in one activity, however long it takes', async () => {
    const world = new FakeWorld();
    world.verdicts.set(sha('T-1.1'), 'pending');
    const engine = await startTestEngine(world, { address: environment.address, searchAttributes: false });
    const handle = await engine.startTask({});
    await until(() => world.views.get('T-1')?.gate === 'review-and-ci');
    const began = await environment.currentTimeMs();
    await environment.sleep('3 hours');
    expect((await environment.currentTimeMs()) - began).toBeGreaterThanOrEqual(3 * 3_600_000);
    expect(world.merges).toEqual([]);
    world.verdicts.delete(sha('T-1.1'));
    await environment.sleep('1 minute');

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect((await handle.describe()).historyLength).toBeLessThanOrEqual(110);
    await engine.stop();
  });

  it('a closed quota is waited for until it opens; the conversation goes on, and no launch was used up', async () => {
    const world = new FakeWorld();
    const began = await environment.currentTimeMs();
    const opens = began + 5 * 3_600_000;
    world.author = ({ launch }) =>
      launch === 1
        ? { kind: 'fails', agent: { outcome: 'rate-limited', conversation: 'c1', retryAt: opens } }
        : { kind: 'commit', name: 'good', agent: {} };
    const engine = await startTestEngine(world, { address: environment.address, searchAttributes: false });
    const handle = await engine.startTask({ policy: { sessions: 1 } });
    await until(() => world.views.get('T-1')?.waits?.for === 'quota');
    // Five seconds after the window opens: clocks differ.
    expect(world.view('T-1').waits?.on).toContain(new Date(opens + 5_000).toISOString());
    await environment.sleep('4 hours');
    expect(world.sessions).toHaveLength(1);
    await environment.sleep('2 hours');

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.sessions.map(({ resumes }) => resumes)).toEqual([
      undefined,
      { conversation: 'c1', used: usage },
    ]);
    expect(world.view('T-1').failures).toEqual([]);
    await engine.stop();
  });

  it('another runtime takes over while a quota is closed, and the first comes back when it is open', async () => {
    const world = new FakeWorld();
    const hour = 3_600_000;
    const began = await environment.currentTimeMs();
    const opens = [5, 2, 10];
    world.author = ({ launch }) => {
      const closed = opens[launch - 1];
      const conversation = `c${launch}`;
      return closed === undefined
        ? { kind: 'commit', name: 'good', agent: {} }
        : {
            kind: 'fails',
            agent: { outcome: 'rate-limited', conversation, retryAt: began + closed * hour },
          };
    };
    const engine = await startTestEngine(world, { address: environment.address, searchAttributes: false });
    const program = { runtime: 'codex' as const, model: 'gpt-5.5' };
    const handle = await engine.startTask({
      task: task('T-1', { program }),
      policy: { fallback: ['pi'], sessions: 1 },
    });
    await until(() => world.views.get('T-1')?.waits?.for === 'quota');
    expect(world.sessions.map(({ runtime }) => runtime)).toEqual(['codex', 'pi']);
    expect(world.view('T-1').waits?.on).toContain('the quota of pi on local, not before');
    await environment.sleep('6 hours');

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.sessions.map(({ runtime, resumes }) => [runtime, resumes?.conversation])).toEqual([
      ['codex', undefined],
      ['pi', undefined],
      ['pi', 'c2'],
      ['codex', 'c1'],
    ]);
    await engine.stop();
  });

  it('a model that fails is left alone for longer each time, until a person is asked', async () => {
    const world = new FakeWorld();
    world.author = () => ({ kind: 'fails', agent: { outcome: 'model-error', message: 'overloaded' } });
    const engine = await startTestEngine(world, { address: environment.address, searchAttributes: false });
    const began = await environment.currentTimeMs();
    const handle = await engine.startTask({});
    await until(async () => {
      await environment.sleep('1 minute');
      return world.views.get('T-1')?.status === 'blocked';
    });
    expect(world.sessions).toHaveLength(4);
    // 1, 2, 4 and 8 minutes.
    expect((await environment.currentTimeMs()) - began).toBeGreaterThanOrEqual(15 * 60_000);
    expect(world.view('T-1').reason).toContain('overloaded');
    await handle.executeUpdate(updates.resolve, { args: [{ action: 'abandon', by: 'lead' }] });
    expect(await handle.result()).toMatchObject({ status: 'abandoned' });
    await engine.stop();
  });

  it('a blocked task waits a month for its answer, and then goes on', async () => {
    const world = new FakeWorld();
    let fixed = false;
    world.reviewer = () =>
      fixed ? { verdict: 'approve', summary: 'good', findings: [] } : objection('wrong');
    const engine = await startTestEngine(world, { address: environment.address, searchAttributes: false });
    const handle = await engine.startTask({ policy: { remediations: 0 } });
    await until(() => world.views.get('T-1')?.status === 'blocked');
    await environment.sleep('30 days');
    expect(world.views.get('T-1')?.status).toBe('blocked');
    fixed = true;
    await handle.executeUpdate(updates.resolve, { args: [{ action: 'retry', by: 'lead' }] });

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    await engine.stop();
  });
});
