import { randomBytes } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { onTestFinished } from 'vitest';
import type { HostFacts, HostState } from '../../schema/contracts/host.ts';
import { updates, workflowTypes, type HostInput } from '../../schema/contracts/messages.ts';
import { controlQueue, hostQueue, hostWorkflowId } from '../../schema/contracts/names.ts';
import { createControlWorker } from '../../workers/workers.ts';
import { FakeWorld } from '../fakes/fake-world.ts';

export const hostFacts: HostFacts = {
  ...{ name: 'a', tenant: 'default', identity: 'one', machine: 'here', user: 'agents', pid: 1 },
  ...{ version: '0.4.0', slots: 4, labels: [], runtimes: [], leaseSeconds: 5 },
};

/** The workflow of one host on a real server, with an engine that notes what it is told of it. */
export interface HostStory {
  handle: WorkflowHandle;
  /** What the engine has written down of the host, in order. */
  written: (HostState | HostFacts)[];
  last(): HostState | HostFacts | undefined;
  /** What the host's process was asked. */
  asked: string[];
  join(more?: Partial<HostFacts>): Promise<void>;
  drain(): Promise<unknown>;
  /** The process of a host, as far as its workflow sees one; `isBusy`: whether something runs there. Answers how to stop it. */
  serve(isBusy?: () => boolean): Promise<() => Promise<void>>;
}

export async function startHostStory(address: string): Promise<HostStory> {
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  onTestFinished(async () => {
    await native.close();
    await connection.close();
  });
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
      isOpen: () => Promise.resolve({ open: true }),
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
    await handle.executeUpdate(updates.join, { args: [{ ...hostFacts, ...more }] });
  }

  async function drain(): Promise<unknown> {
    return handle.executeUpdate(updates.drain, { args: [{ by: 'lead' }] });
  }

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
