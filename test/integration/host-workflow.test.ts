import { randomBytes } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { Client, Connection, WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import type { HostFacts, HostState } from '../../schema/contracts/host.ts';
import { updates, workflowTypes, type HostInput } from '../../schema/contracts/messages.ts';
import { controlQueue, hostQueue, hostWorkflowId } from '../../schema/contracts/names.ts';
import { createControlWorker } from '../../workers/workers.ts';
import { FakeWorld } from '../fakes/fake-world.ts';
import { until } from '../support/until.ts';

const facts: HostFacts = {
  ...{ name: 'a', tenant: 'default', identity: 'one', machine: 'here', user: 'agents', pid: 1 },
  ...{ version: '0.4.0', slots: 4, labels: [], runtimes: [], leaseSeconds: 5 },
};

describe('a host', () => {
  let connection: Connection;
  let native: NativeConnection;

  beforeAll(async () => {
    const address = inject('temporalAddress');
    connection = await Connection.connect({ address });
    native = await NativeConnection.connect({ address });
  });
  afterAll(async () => {
    await native.close();
    await connection.close();
  });

  /** An engine with the workflow of one host, and what it has written down of it. */
  async function start() {
    const installation = `t${randomBytes(4).toString('hex')}`;
    const written: (HostState | HostFacts)[] = [];
    const asked: string[] = [];
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
    const client = new Client({ connection });
    const input: HostInput = { installation, host: 'a' };
    const handle: WorkflowHandle = await client.workflow.start(workflowTypes.host, {
      workflowId: hostWorkflowId(input),
      taskQueue: controlQueue(installation),
      args: [input],
    });
    return { handle, written, asked, join, drain, serve, last: () => written.at(-1) };

    async function join(more: Partial<HostFacts> = {}): Promise<void> {
      await handle.executeUpdate(updates.join, { args: [{ ...facts, ...more }] });
    }

    async function drain(): Promise<unknown> {
      return handle.executeUpdate(updates.drain, { args: [{ by: 'lead' }] });
    }

    /** `isBusy` says whether something runs there. */
    /** The process of a host, as far as its workflow sees one; answers how to stop it. */
    async function serve(isBusy: () => boolean = () => false): Promise<() => Promise<void>> {
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
              Context.current().heartbeat();
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
      return stop;
    }
  }

  it('is up when it has joined, silent when it is missed, lost when its lease is over, and up when it is back', async () => {
    const host = await start();
    const stop = await host.serve();
    await host.join();
    expect(host.written).toEqual([facts]);
    await stop();
    await until(() => host.last() === 'lost');
    await host.serve();
    await until(() => host.last() === 'up');
    expect(host.written).toEqual([facts, 'silent', 'lost', 'up']);
  });

  it('that is back within its lease was never lost', async () => {
    const host = await start();
    const stop = await host.serve();
    await host.join();
    await stop();
    await until(() => host.last() === 'silent');
    await host.serve();
    const anew = { pid: 2, slots: 8 };
    await host.join(anew);
    // Longer than its loss would have taken: another one, that nobody serves, is lost by then.
    const other = await start();
    await other.join();
    await until(() => other.last() === 'lost');
    expect(host.written).toEqual([facts, 'silent', { ...facts, ...anew }]);
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

  it('that is drained leaves when nothing runs there any more, and not before', async () => {
    const host = await start();
    let busy = true;
    await host.serve(() => busy);
    await host.join();
    expect(await host.drain()).toBe('draining');
    await until(() => host.asked.includes('idle'));
    expect(host.last()).toBe('draining');
    busy = false;
    await host.handle.result();
    expect(host.written).toEqual([facts, 'draining', 'left']);
    expect(host.asked).toEqual(['asked', 'idle', 'left']);
  });

  it('goes on leaving when its process was started anew meanwhile', async () => {
    const host = await start();
    let busy = true;
    const first = await host.serve(() => busy);
    await host.join();
    await host.drain();
    await first();
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
    const stop = await host.serve();
    await host.join();
    await stop();
    await until(() => host.last() === 'silent');
    await until(() => host.last() === 'lost');
    expect(await host.drain()).toBe('left');
    await host.handle.result();
  });
});

async function refusal(update: Promise<unknown>): Promise<string> {
  const error = await update.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof WorkflowUpdateFailedError ? (error.cause?.message ?? '') : String(error);
}
