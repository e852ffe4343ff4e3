import { fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { builtFolder } from '../../schema/package-root.ts';
import { WorkerAnswer, type Order, type WorkerSpec } from './orders.ts';

/** A worker process, seen from the benchmark. */
export interface BenchWorker {
  /** Resolves when the workflow has been started. */
  start(order: Order): Promise<void>;
  /** Resolves when a task of the mission waits for its go-ahead. */
  waiting(key: string): Promise<void>;
  /** What the process holds of the machine's memory, now and at its peak, in megabytes. */
  memory(): Promise<{ now: number; peak: number }>;
  stop(): Promise<void>;
}

export async function startWorker(spec: WorkerSpec): Promise<BenchWorker> {
  const child = fork(join(builtFolder(), 'bench-worker.js'), [JSON.stringify(spec)], {
    execArgv: ['--enable-source-maps'],
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  const heard = new Map<string, () => void>();
  let failed: (error: Error) => void = () => undefined;
  const failure = new Promise<never>((_, reject) => (failed = reject));
  failure.catch(() => undefined);
  child.on('exit', (code) => failed(new Error(`a worker process has ended with ${code ?? 'a signal'}`)));
  child.on('message', (raw) => {
    const answer = WorkerAnswer.parse(raw);
    hearing(answer.kind, 'key' in answer ? answer.key : '').resolve();
  });
  const promises = new Map<string, Promise<void>>();
  await hear('ready', '');
  return { start, waiting: (key) => hear('waiting', key), memory, stop };

  /** What was said may have been said before somebody asks. */
  function hearing(kind: WorkerAnswer['kind'], key: string): { promise: Promise<void>; resolve: () => void } {
    const name = `${kind} ${key}`;
    const promise = promises.get(name) ?? new Promise<void>((resolve) => heard.set(name, resolve));
    promises.set(name, promise);
    return { promise, resolve: () => heard.get(name)?.() };
  }

  function hear(kind: WorkerAnswer['kind'], key: string): Promise<void> {
    return Promise.race([hearing(kind, key).promise, failure]);
  }

  function start(order: Order): Promise<void> {
    child.send(order);
    return hear('started', order.key);
  }

  async function memory(): Promise<{ now: number; peak: number }> {
    const status = await readFile(`/proc/${child.pid ?? 0}/status`, 'utf8');
    return { now: megabytes(status, 'VmRSS'), peak: megabytes(status, 'VmHWM') };
  }

  async function stop(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    // It ends when the channel does.
    child.disconnect();
    await ended;
  }
}

function megabytes(status: string, field: string): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (found === undefined) throw new Error(`/proc tells no ${field}: memory is measured on Linux only`);
  return Number(found) / 1_024;
}
