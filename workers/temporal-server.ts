import { spawn } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { z } from 'zod';
import { listen } from './listen.ts';
import { isAlive, processStartTime, signal } from '../activities/processes/tree.ts';

/** A development server takes about a second; a loaded machine some more. */
const startWithinMs = 60_000;

const portTries = 5;

/** How soon a dead server is noticed: workers and clients try again for much longer. */
const guardMs = 500;

const ServerRecord = z.object({
  pid: z.number(),
  startTime: z.string(),
  address: z.string(),
  ui: z.string(),
  port: z.number(),
  uiPort: z.number(),
});
type ServerRecord = z.infer<typeof ServerRecord>;

export interface TemporalServer {
  address: string;
  ui: string | null;
  stop(): Promise<void>;
}

/**
 * The development server as a process of its own, with its state in the data directory. One that is alive from an
 * earlier engine is adopted; one that dies is started again on the same ports, so that clients find it.
 */
export async function startDevServer(of: {
  root: string;
  namespace: string;
  command: () => Promise<string>;
  onRestart: (message: string) => void;
}): Promise<TemporalServer> {
  const recordPath = join(of.root, 'temporal.json');
  const known = await readRecord(recordPath);
  let server = await startOrAdopt(known);
  let stopping = false;
  let guard = watchOver();
  return { address: server.address, ui: server.ui, stop };

  /** A port that was free may be taken before the server binds it: then the server ends at once, and others are tried. */
  async function startOrAdopt(known: ServerRecord | undefined): Promise<ServerRecord> {
    for (let ports = known, tries = 1; ; ports = undefined, tries++) {
      const started = ports && isAlive(ports) ? ports : await launch(ports);
      try {
        await reachable(started.address, startWithinMs, () => isAlive(started));
        return started;
      } catch (error) {
        if (isAlive(started) || tries === portTries) throw error;
      }
    }
  }

  async function launch(before: ServerRecord | undefined): Promise<ServerRecord> {
    const port = before?.port ?? (await freePort());
    const uiPort = before?.uiPort ?? (await freePort());
    const log = openSync(join(of.root, 'temporal.log'), 'a');
    const child = spawn(await of.command(), serverArgs({ ...of, port, uiPort }), {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: of.root,
    });
    closeSync(log);
    const pid = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('spawn', () => resolve(child.pid ?? 0));
    });
    child.unref();
    const record: ServerRecord = {
      pid,
      startTime: processStartTime(pid) ?? '',
      address: `127.0.0.1:${port}`,
      ui: `http://127.0.0.1:${uiPort}`,
      port,
      uiPort,
    };
    await writeFile(recordPath, JSON.stringify(record));
    return record;
  }

  function watchOver(): NodeJS.Timeout {
    return setTimeout(() => void restartIfDead(), guardMs).unref();
  }

  async function restartIfDead(): Promise<void> {
    if (!stopping && !isAlive(server)) {
      of.onRestart('the Temporal server has died: starting it again on its file');
      // The ports may still be closing: the next look tries again.
      server = await launch(server).catch(() => server);
    }
    if (!stopping) guard = watchOver();
  }

  async function stop(): Promise<void> {
    stopping = true;
    clearTimeout(guard);
    signal(server.pid, 'SIGTERM');
    const deadline = Date.now() + 5_000;
    while (isAlive(server)) {
      if (Date.now() > deadline) signal(server.pid, 'SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function serverArgs(of: { root: string; namespace: string; port: number; uiPort: number }): string[] {
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--log-level', 'error'],
    ...['--port', String(of.port), '--ui-port', String(of.uiPort), '--namespace', of.namespace],
    ...['--db-filename', join(of.root, 'temporal.db')],
    // Measured: 93 activities a second instead of 51.
    ...['--sqlite-pragma', 'journal_mode=WAL', '--sqlite-pragma', 'synchronous=NORMAL'],
    // By default 20 a second for all workflows together. Measured: a step is handed to a worker after 2 ms instead of 44.
    ...['--dynamic-config-value', 'history.transferProcessorMaxPollRPS=1000'],
    // Priorities hold within a partition of a queue, and one machine needs no more than one.
    ...['--dynamic-config-value', 'matching.numTaskqueueReadPartitions=1'],
    ...['--dynamic-config-value', 'matching.numTaskqueueWritePartitions=1'],
  ];
}

async function readRecord(path: string): Promise<ServerRecord | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : ServerRecord.parse(JSON.parse(text));
}

/** Waits until a server answers; its port opens before its services are up. */
export async function reachable(
  address: string,
  withinMs = startWithinMs,
  isWorthWaiting: () => boolean = () => true,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: 2_000 });
      await connection.close();
      return;
    } catch (error) {
      if (Date.now() > deadline || !isWorthWaiting()) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new Error(
          `no Temporal server answers at ${address} (${reason}): start it, or check the address`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** A port that was free a moment ago, on loopback. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen({ server, port: 0, address: '127.0.0.1' });
  await new Promise((resolve) => server.close(resolve));
  return port;
}
