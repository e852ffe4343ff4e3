import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { inject } from 'vitest';
import { freePort } from '../../workers/temporal-server.ts';
import { until } from './until.ts';

/** Postgres refuses to run as root; `nobody` is on every Linux. */
const nobody = { uid: 65_534, gid: 65_534 };

/** A Postgres server for tests: one that was given, or one of our own. */
export interface Postgres {
  /** The address of a new, empty database. */
  newDatabase(): Promise<string>;
  /** Breaks every connection to a database, as a restart or a network would; answers how many there were. */
  cutConnections(url: string): Promise<number>;
  stop(): Promise<void>;
}

/** A server of our own, which may also be killed. */
export interface OwnPostgres extends Postgres {
  /** As a crash: nothing is finished, every connection breaks. */
  kill(): Promise<void>;
  /** On the same port, with the same databases. */
  start(): Promise<void>;
  /** Stops every process of the server where it stands, as a machine that hangs; `SIGCONT` lets it go on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
}

const mayNotSkip = process.env['REQUIRE_ALL'] === '1';
const own = inject('postgres');
const given = inject('databaseUrl');

/** Whether tests on a Postgres server are skipped here. */
export const noPostgres = own === undefined && given === undefined && !mayNotSkip;

/** Whether tests that kill the server are skipped here: one that was given is not ours to kill. */
export const noOwnPostgres = own === undefined && (given !== undefined || !mayNotSkip);

export async function startPostgres(): Promise<Postgres> {
  if (given === undefined) return startOwnPostgres();
  return { ...databasesOf(given), stop: () => Promise.resolve() };
}

export async function startOwnPostgres(): Promise<OwnPostgres> {
  if (own === undefined) throw new Error('there is no Postgres server: see MISSION_TEST_POSTGRES');
  const root = await mkdtemp(join(tmpdir(), 'mission-postgres-'));
  const { programs, user } = await readableFor(own, root);
  const data = join(root, 'data');
  await mkdir(data, { mode: 0o700 });
  if ('uid' in user) await chown(data, user.uid, user.gid);
  const init = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  const made = spawnSync(join(programs, 'initdb'), init, { ...user, cwd: data, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`initdb: ${made.error?.message ?? made.stderr}`);
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let server: ChildProcess | undefined;
  await start();
  return { ...databasesOf(url), start, kill: () => end('SIGQUIT'), signal: signalAll, stop };

  async function start(): Promise<void> {
    const settings = {
      listen_addresses: '127.0.0.1',
      port,
      unix_socket_directories: '',
      // Several engines with a pool each, and the tests' own connections.
      max_connections: 200,
      // What a crash of the machine would lose is not what these tests are about.
      fsync: 'off',
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    server = spawn(join(programs, 'postgres'), ['-D', data, ...args], {
      ...user,
      cwd: data,
      stdio: 'ignore',
    });
    await until(() => answers(url));
  }

  async function end(how: NodeJS.Signals): Promise<void> {
    const ended = server;
    if (ended?.exitCode !== null || ended.signalCode !== null) return;
    const exit = new Promise((resolve) => ended.once('exit', resolve));
    ended.kill(how);
    await exit;
  }

  /** Each backend of Postgres leads a session of its own, but all are children of the server. */
  function signalAll(name: NodeJS.Signals): void {
    const pid = server?.pid;
    if (pid === undefined) return;
    const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' });
    for (const child of [pid, ...stdout.trim().split(/\s+/).filter(Boolean).map(Number)])
      process.kill(child, name);
  }

  async function stop(): Promise<void> {
    await end('SIGQUIT');
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The programs as another user can run them: root's cache is closed to others, and root itself may not. */
async function readableFor(
  postgres: string,
  root: string,
): Promise<{ programs: string; user: typeof nobody | Record<string, never> }> {
  if (process.getuid?.() !== 0) return { programs: dirname(postgres), user: {} };
  const tree = join(dirname(postgres), '..', '..', '..');
  const copy = join(root, 'postgres');
  await cp(tree, copy, { recursive: true });
  spawnSync('chmod', ['-R', 'a+rX', root]);
  return { programs: join(copy, postgres.slice(tree.length), '..'), user: nobody };
}

async function answers(url: string): Promise<boolean> {
  return ask(url, 'select 1').then(
    () => true,
    () => false,
  );
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

function databasesOf(server: string): Pick<Postgres, 'newDatabase' | 'cutConnections'> {
  return {
    async newDatabase() {
      const name = `mission_test_${randomBytes(4).toString('hex')}`;
      await ask(server, `create database ${name}`);
      const url = new URL(server);
      url.pathname = `/${name}`;
      return url.href;
    },
    async cutConnections(url) {
      const cut = 'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1';
      return (await ask(server, cut, [new URL(url).pathname.slice(1)])).length;
    },
  };
}
