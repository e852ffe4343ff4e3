/** A Postgres server of our own, for tests and benchmarks. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chown, cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import pg from 'pg';
import { signal as signalProcess } from '../activities/processes/tree.ts';
import { freePort } from '../workers/temporal-server.ts';

/** Starting takes a second or two; a loaded machine some more. */
const startWithinMs = 60_000;
const askAgainMs = 50;

/** Postgres refuses to run as root; `nobody` is on every Linux. */
const nobody = { uid: 65_534, gid: 65_534 };

export interface PostgresServer {
  /** The address of an empty database, on the same port for as long as the server is not removed. */
  url: string;
  /** Resolves when it answers. */
  start(): Promise<void>;
  /** SIGINT ends it in order, SIGQUIT as a crash would. Resolves when it is gone. */
  end(how: 'SIGINT' | 'SIGQUIT'): Promise<void>;
  /** To every process of the server. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
  /** With all that it has stored; it must have ended. */
  remove(): Promise<void>;
}

/** Makes a server and starts it. `postgres` is the path of the program, `settings` stand in place of its own. */
export async function startPostgresServer(of: {
  postgres: string;
  settings?: Record<string, string | number>;
}): Promise<PostgresServer> {
  const root = await mkdtemp(join(tmpdir(), 'mission-postgres-'));
  const { programs, user } = await readableFor(of.postgres, root);
  const data = join(root, 'data');
  await mkdir(data, { mode: 0o700 });
  if ('uid' in user) await chown(data, user.uid, user.gid);
  const init = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  const made = spawnSync(join(programs, 'initdb'), init, { ...user, cwd: data, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`initdb: ${made.error?.message ?? made.stderr}`);
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const settings = { listen_addresses: '127.0.0.1', port, unix_socket_directories: '', ...of.settings };
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  let server: ChildProcess | undefined;
  await start();
  return {
    url,
    start,
    end,
    signal,
    remove: () => rm(root, { recursive: true, force: true, maxRetries: 5 }),
  };

  async function start(): Promise<void> {
    server = spawn(join(programs, 'postgres'), ['-D', data, ...args], {
      ...user,
      cwd: data,
      stdio: 'ignore',
    });
    const deadline = Date.now() + startWithinMs;
    for (;;) {
      try {
        await ask(url, 'select 1');
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await new Promise((again) => setTimeout(again, askAgainMs));
      }
    }
  }

  async function end(how: NodeJS.Signals): Promise<void> {
    const ended = server;
    if (ended?.exitCode !== null || ended.signalCode !== null) return;
    const exit = new Promise((resolve) => ended.once('exit', resolve));
    ended.kill(how);
    await exit;
  }

  /** Each backend leads a session of its own, but all are children of the server; one may just have ended. */
  function signal(name: NodeJS.Signals): void {
    const pid = server?.pid;
    if (pid === undefined) return;
    const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' });
    for (const child of [pid, ...stdout.trim().split(/\s+/).filter(Boolean).map(Number)])
      signalProcess(child, name);
  }
}

/** The programs as another user can run them: root's cache is closed to others, and root itself may not. */
async function readableFor(
  postgres: string,
  root: string,
): Promise<{ programs: string; user: typeof nobody | Record<string, never> }> {
  const programs = dirname(postgres);
  if (process.getuid?.() !== 0) return { programs, user: {} };
  const tree = join(programs, '../../..');
  const copy = join(root, 'postgres');
  await cp(tree, copy, { recursive: true });
  spawnSync('chmod', ['-R', 'a+rX', root]);
  return { programs: join(copy, relative(tree, programs)), user: nobody };
}

/** One statement on a connection of its own. */
export async function ask(url: string, statement: string, values: unknown[] = []): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(statement, values);
    return rows;
  } finally {
    await client.end();
  }
}
