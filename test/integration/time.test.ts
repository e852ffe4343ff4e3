import { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { updates } from '../../schema/contracts/messages.ts';
import { FakeWorld, objection, sha } from '../fakes/fake-world.ts';
import { startTestEngine } from '../support/workers.ts';
import { until } from '../support/until.ts';

const path = inject('testServer');

/** Days pass in moments: the server skips what nobody works in. */
describe.skipIf(path === undefined && process.env['REQUIRE_ALL'] !== '1')(
  'over days (skipped without the time-skipping server)',
  () => {
    let environment: TestWorkflowEnvironment;

    beforeAll(async () => {
      environment = await TestWorkflowEnvironment.createTimeSkipping({
        server: { executable: { type: 'existing-path', path: path ?? '' } },
      });
    });
    afterAll(() => environment.teardown());

    it('a pending CI is waited for in one activity, however long it takes', async () => {
      const world = new FakeWorld();
      world.verdicts.set(sha('T-1.1'), 'pending');
      const engine = await startTestEngine(world, { address: environment.address, searchAttributes: false });
      const handle = await engine.startTask({});
      await until(() => world.views.get('T-1')?.gate === 'review-and-ci');
      const began = await environment.currentTimeMs();
      await environment.sleep('2 days');
      expect((await environment.currentTimeMs()) - began).toBeGreaterThanOrEqual(2 * 24 * 3_600_000);
      expect(world.merges).toEqual([]);
      world.verdicts.delete(sha('T-1.1'));
      await environment.sleep('1 minute');

      expect(await handle.result()).toMatchObject({ status: 'merged' });
      expect((await handle.describe()).historyLength).toBeLessThanOrEqual(110);
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
  },
);
