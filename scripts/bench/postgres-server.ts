import { spawn, spawnSync } from 'node:child_process';
import { chown, cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import pg from 'pg';
import { freePort } from '../../workers/temporal-server.ts';
import { findServer } from '../toolchain.mjs';

/** Making and starting a server takes a second or two; a loaded machine some more. */
const startWithinMs = 60_000;

/** Postgres refuses to run as root; `nobody` is on every Linux. */
const nobody = { uid: 65_534, gid: 65_534 };

export interface BenchDatabaseServer {
  /** The address of an empty database. */
  url: string;
  stop(): Promise<void>;
}

/** An empty database: on the server that the environment names, or on one of the benchmark's own. */
export async function openDatabaseServer(): Promise<BenchDatabaseServer> {
  const given = process.env['DATABASE_URL'] ?? process.env['TEST_DATABASE_URL'];
  if (given === undefined) return startPostgres();
  // What is there stays as it is: the benchmark has a database of its own beside it.
  const name = `mission_bench_${process.pid}`;
  await ask(given, `create database ${name}`);
  const url = new URL(given);
  url.pathname = `/${name}`;
  return { url: url.href, stop: () => ask(given, `drop database ${name} with (force)`) };
}

async function startPostgres(): Promise<BenchDatabaseServer> {
  const found = await findServer('postgres', () => undefined);
  const root = await mkdtemp(join(tmpdir(), 'mission-bench-postgres-'));
  const isRoot = process.getuid?.() === 0;
  const user = isRoot ? nobody : {};
  const programs = isRoot ? await copyFor(found, root) : dirname(found);
  const data = join(root, 'data');
  await mkdir(data, { mode: 0o700 });
  if (isRoot) await chown(data, nobody.uid, nobody.gid);
  const init = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  const made = spawnSync(join(programs, 'initdb'), init, { ...user, cwd: data, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`initdb: ${made.error?.message ?? made.stderr}`);
  const port = await freePort();
  // Settings as a server has them out of the box, so that the figure is one that users see.
  const settings = [
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    `port=${port}`,
    '-c',
    'unix_socket_directories=',
  ];
  const server = spawn(join(programs, 'postgres'), ['-D', data, ...settings], {
    ...user,
    cwd: data,
    stdio: 'ignore',
  });
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  await answering(url);
  return {
    url,
    async stop() {
      const ended = new Promise((exit) => server.once('exit', exit));
      server.kill('SIGINT');
      await ended;
      await rm(root, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Root's cache is closed to others: the other user gets programs and libraries where it can read them. */
async function copyFor(postgres: string, root: string): Promise<string> {
  const tree = resolve(dirname(postgres), '../../..');
  const copy = join(root, 'postgres');
  await cp(tree, copy, { recursive: true });
  spawnSync('chmod', ['-R', 'a+rX', root]);
  return join(copy, relative(tree, dirname(postgres)));
}

async function answering(url: string): Promise<void> {
  const deadline = Date.now() + startWithinMs;
  for (;;) {
    try {
      return await ask(url, 'select 1');
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((again) => setTimeout(again, 100));
    }
  }
}

/** One statement on a connection of its own. */
export async function ask(url: string, statement: string, values: unknown[] = []): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement, values);
  } finally {
    await client.end();
  }
}
