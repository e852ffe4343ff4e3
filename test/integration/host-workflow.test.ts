import { randomBytes } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { Client, WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import type { HostFacts, HostState } from '../../schema/contracts/host.ts';
import { updates, workflowTypes, type HostInput } from '../../schema/contracts/messages.ts';
import { controlQueue, hostQueue, hostWorkflowId } from '../../schema/contracts/names.ts';
import { createControlWorker } from '../../workers/workers.ts';
import { FakeWorld } from '../fakes/fake-world.ts';
import { until } from '../support/until.ts';

const path = inject('testServer');

const facts: HostFacts = {
  ...{ name: 'a', tenant: 'default', identity: 'one', machine: 'here', user: 'agents', pid: 1 },
  ...{ version: '0.4.0', slots: 4, labels: [], runtimes: [], leaseSeconds: 60 },
};

/** The process of a host, as far as the workflow that looks after it sees one. */
interface FakeProcess {
  /** As SIGKILL does: it says nothing more. */
  die(): Promise<void>;
  /** As Ctrl-C does: what it was asked ends. */
  stop(): Promise<void>;
}

describe.skipIf(path === undefined && process.env['REQUIRE_ALL'] !== '1')(
  'a host (skipped without the time-skipping server)',
  () => {
    let environment: TestWorkflowEnvironment;
    let native: NativeConnection;

    beforeAll(async () => {
      environment = await TestWorkflowEnvironment.createTimeSkipping({
        server: { executable: { type: 'existing-path', path: path ?? '' } },
      });
      native = await NativeConnection.connect({ address: environment.address });
    });
    afterAll(async () => {
      await native.close();
      await environment.teardown();
    });

    /** An engine with the workflow of one host, and what it has written down of it. */
    async function start() {
      const installation = `t${randomBytes(4).toString('hex')}`;
      const written: (HostState | HostFacts)[] = [];
      let owner: string | undefined;
      const worker = await createControlWorker({
        connection: native,
        namespace: 'default',
        installation,
        activities: {
          ...new FakeWorld().control(),
          requestMerge: () => Promise.resolve(),
          ...{
            async registerHost(told: HostFacts) {
              owner ??= told.identity;
              if (owner !== told.identity) return { kind: 'refused', reason: 'another data directory' };
              written.push(told);
              return { kind: 'registered' };
            },
            async recordHostState({ state }: { state: HostState }) {
              written.push(state);
            },
          },
        },
      });
      const running = worker.run();
      onTestFinished(async () => {
        worker.shutdown();
        await running;
      });
      const client = new Client({ connection: environment.connection });
      const input: HostInput = { installation, host: 'a' };
      const handle: WorkflowHandle = await client.workflow.start(workflowTypes.host, {
        workflowId: hostWorkflowId(input),
        taskQueue: controlQueue(installation),
        args: [input],
      });
      return { handle, written, join, drain, serve, last: () => written.at(-1) };

      async function join(more: Partial<HostFacts> = {}): Promise<void> {
        await handle.executeUpdate(updates.join, { args: [{ ...facts, ...more }] });
      }

      async function drain(): Promise<unknown> {
        return handle.executeUpdate(updates.drain, { args: [{ by: 'lead' }] });
      }

      /** `isBusy` says whether something runs there. */
      async function serve(isBusy: () => boolean = () => false): Promise<FakeProcess> {
        let dead = false;
        const asked: string[] = [];
        const hostWorker = await Worker.create({
          connection: native,
          taskQueue: hostQueue({ installation, host: 'a' }),
          shutdownGraceTime: 0,
          activities: {
            isThere: () => Promise.resolve(),
            async attend({ until: what }: { until: 'asked' | 'idle' | 'left' }) {
              asked.push(what);
              const { cancellationSignal: signal } = Context.current();
              for (;;) {
                if (!dead) Context.current().heartbeat();
                if (what !== 'asked' && !isBusy()) return;
                await new Promise((resolve) => setTimeout(resolve, 100));
                signal.throwIfAborted();
              }
            },
          },
        });
        const served = hostWorker.run();
        let stopped: Promise<void> | undefined;
        const stop = (): Promise<void> => {
          if (stopped === undefined) hostWorker.shutdown();
          return (stopped ??= served);
        };
        onTestFinished(stop);
        return {
          stop,
          async die() {
            dead = true;
            // What it still answers is too late to count.
            await environment.sleep('15 seconds');
            await stop();
          },
        };
      }
    }

    it('is up when it has joined, silent when it is missed, lost when its lease is over, and up when it is back', async () => {
      const host = await start();
      const first = await host.serve();
      await host.join();
      expect(host.written).toEqual([facts]);
      await first.stop();
      await until(() => host.last() === 'silent');
      await environment.sleep('60 seconds');
      expect(host.last()).toBe('silent');
      await environment.sleep('30 seconds');
      await until(() => host.last() === 'lost');
      await environment.sleep('30 days');
      expect(host.last()).toBe('lost');
      await host.serve();
      await until(() => host.last() === 'up');
      expect(host.written).toEqual([facts, 'silent', 'lost', 'up']);
    });

    it('that is killed is missed by its heartbeat', async () => {
      const host = await start();
      const process = await host.serve();
      await host.join();
      await process.die();
      await until(() => host.last() === 'silent');
    });

    it('that is back within its lease was never lost', async () => {
      const host = await start();
      const first = await host.serve();
      await host.join();
      await first.stop();
      await until(() => host.last() === 'silent');
      await environment.sleep('30 seconds');
      await host.serve();
      await host.join({ pid: 2, slots: 8 });
      await until(() => host.written.length === 3);
      await environment.sleep('10 minutes');
      expect(host.written).toEqual([facts, 'silent', { ...facts, pid: 2, slots: 8 }]);
    });

    it('belongs to one data directory and to one tenant', async () => {
      const host = await start();
      await host.join();
      const reasons = [
        await refusal(host.join({ identity: 'two' })),
        await refusal(host.join({ tenant: 'other' })),
        await refusal(host.join({ name: 'b' })),
        await refusal(host.join({ slots: 0 })),
      ];
      expect(reasons).toEqual([
        'the host a belongs to another data directory (on here, process 1): choose another name with --name',
        'the host a is of the tenant default, for ever: choose another name with --name',
        'it says that it is b, and asks to be a',
        expect.stringContaining('malformed'),
      ]);
      expect(host.written.filter((entry) => typeof entry === 'object')).toEqual([facts]);
    });

    it('whose name is taken in the database is refused, and nobody waits for it', async () => {
      const host = await start();
      await host.join();
      await host.drain();
      const other = await start();
      expect(await refusal(other.join().then(() => other.join({ identity: 'two' })))).toContain(
        'another data directory',
      );
    });

    it('that is drained leaves when nothing runs there any more, and not before', async () => {
      const host = await start();
      let busy = true;
      await host.serve(() => busy);
      await host.join();
      expect(await host.drain()).toBe('draining');
      await environment.sleep('1 hour');
      expect(host.last()).toBe('draining');
      busy = false;
      await host.handle.result();
      expect(host.written).toEqual([facts, 'draining', 'left']);
    });

    it('goes on leaving when its process was started anew meanwhile', async () => {
      const host = await start();
      let busy = true;
      const first = await host.serve(() => busy);
      await host.join();
      await host.drain();
      await first.stop();
      await until(() => host.last() === 'silent');
      await host.serve(() => busy);
      await host.join({ pid: 2 });
      await until(() => host.last() === 'draining');
      busy = false;
      await host.handle.result();
      expect(host.last()).toBe('left');
    });

    it('that is lost has left as soon as somebody drains it', async () => {
      const host = await start();
      const process = await host.serve();
      await host.join();
      await process.stop();
      await until(() => host.last() === 'silent');
      await environment.sleep('2 minutes');
      await until(() => host.last() === 'lost');
      expect(await host.drain()).toBe('left');
      await host.handle.result();
    });

    it('is waited for without end where it has no lease', async () => {
      const host = await start();
      const process = await host.serve();
      await host.join({ leaseSeconds: null });
      await process.stop();
      await until(() => host.last() === 'silent');
      await environment.sleep('30 days');
      expect(host.last()).toBe('silent');
    });
  },
);

async function refusal(update: Promise<unknown>): Promise<string> {
  const error = await update.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof WorkflowUpdateFailedError ? (error.cause?.message ?? '') : String(error);
}
