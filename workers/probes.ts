/** Looks at what the engine stands on: before it starts, while it runs, and for `mission doctor`. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { Connection, type Client } from '@temporalio/client';
import { sql } from 'drizzle-orm';
import pg from 'pg';
import { z } from 'zod';
import { freeBytes, type ReadDisk } from '../activities/files.ts';
import type { Probed } from '../schema/contracts/probe.ts';
import type { Queries } from '../schema/db/database.ts';
import {
  judgeLedger,
  ourMigrations,
  readLedger,
  readVector,
  vectorRemedy,
  type Ask,
} from '../schema/db/ledger.ts';
import { gitFault, nodeFault } from './requirements.mjs';

/** A probe that hangs is a probe that has failed. What they ask is answered in milliseconds by what is well. */
export const probeMs = 5_000;

/** A mission's clones, logs and histories need room; below this an engine would soon stop in the middle. */
const leastFreeBytes = 1024 ** 3;

type Found = Omit<Probed, 'name'>;

/** `remedy` is told with whatever `look` throws, and when it hangs. */
export async function probe(of: {
  name: string;
  remedy: string;
  look: () => Found | Promise<Found>;
  withinMs?: number;
}): Promise<Probed> {
  const { name, remedy, withinMs = probeMs } = of;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<Found>((done) => {
    const message = `no answer within ${withinMs / 1_000} s: ${remedy}`;
    timer = setTimeout(() => done({ state: 'failed', message }), withinMs);
  });
  try {
    return { name, ...(await Promise.race([of.look(), timeout])) };
  } catch (error) {
    return { name, state: 'failed', message: `${whyFailed(error)}: ${remedy}` };
  } finally {
    clearTimeout(timer);
  }
}

/** What an engine needs of its machine, and of the servers that it was told to use. */
export async function preflight(of: {
  data: string;
  temporal: string | undefined;
  databaseUrl: string | undefined;
}): Promise<Probed[]> {
  const { data, temporal, databaseUrl } = of;
  const probed = await Promise.all([
    probeNode(),
    probeGit(),
    probeDisk({ folder: data }),
    ...(temporal === undefined ? [] : [probeTemporal(temporal)]),
    ...(databaseUrl === undefined ? [] : [probePostgres(databaseUrl)]),
  ]);
  return probed.flat();
}

/** The same for an engine that runs, on the connections that it has. Node and git do not change under it. */
export async function probeRunning(of: {
  data: string;
  client: Client;
  queries: Queries;
}): Promise<Probed[]> {
  const probed = await Promise.all([
    probe({
      name: 'temporal',
      remedy: 'see that the Temporal server is up',
      look: async () => {
        await of.client.connection.workflowService.getSystemInfo({});
        return ok('answers');
      },
    }),
    probeDatabase({ ask: askQueries(of.queries), where: 'the database', remedy: 'see that it is up' }),
    probeDisk({ folder: of.data }),
  ]);
  return probed.flat();
}

/** Throws one line with all that has failed and how to mend it. */
export function refuseBroken(probed: readonly Probed[]): void {
  const failed = probed.filter(({ state }) => state === 'failed');
  if (failed.length === 0) return;
  throw new Error(failed.map(({ name, message }) => `${name}: ${message}`).join('; '));
}

export function probeNode(version = process.versions.node): Promise<Probed> {
  const fault = nodeFault(version);
  return probe({ name: 'node', remedy: '', look: () => (fault === undefined ? ok(version) : failed(fault)) });
}

export function probeGit(command = 'git'): Promise<Probed> {
  return probe({
    name: 'git',
    remedy: 'install git 2.38 or newer',
    look: async () => {
      const { stdout } = await promisify(execFile)(command, ['--version'], { timeout: probeMs });
      const fault = gitFault(stdout);
      return fault === undefined ? ok(stdout.trim()) : failed(fault);
    },
  });
}

/** Looks at the file system that a folder is on or would be made on. */
export function probeDisk(of: { folder: string; readDisk?: ReadDisk }): Promise<Probed> {
  return probe({
    name: 'disk',
    remedy: 'see that the file system of the data directory answers',
    look: async () => {
      let folder = resolve(of.folder);
      while (!existsSync(folder)) folder = dirname(folder);
      const free = await freeBytes(folder, of.readDisk);
      const message = `${(free / 1024 ** 3).toFixed(1)} GiB free at ${folder}`;
      if (free >= leastFreeBytes) return ok(message);
      return failed(`${message}: free 1 GiB at the least, or choose another folder with --data`);
    },
  });
}

export function probeTemporal(address: string): Promise<Probed> {
  return probe({
    name: 'temporal',
    remedy: `start a Temporal server at ${address}, or mend --temporal (TEMPORAL_ADDRESS)`,
    look: async () => {
      // The client tries again until its time is up: only this tells at once that nothing listens.
      await reachPort(address);
      const connection = await Connection.connect({ address, connectTimeout: probeMs });
      await connection.close();
      return ok(`answers at ${address}`);
    },
  });
}

async function reachPort(address: string): Promise<void> {
  const { hostname, port } = new URL(`tcp://${address}`);
  await new Promise<void>((reached, reject) => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port), timeout: probeMs });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.destroy();
      reached();
    });
  });
}

/** A database server as a program would meet it that starts now. Nothing is told of `url` but host, port and name. */
export async function probePostgres(url: string): Promise<Probed[]> {
  const client = openClient(url);
  if (client !== undefined) return probeClient(client);
  const message = 'DATABASE_URL is no address of a Postgres server: postgres://USER:PASSWORD@HOST:PORT/NAME';
  return [{ name: 'database', state: 'failed', message }];
}

async function probeClient(client: pg.Client): Promise<Probed[]> {
  // A connection that breaks while it is closed would end the process.
  client.on('error', () => undefined);
  const where = `${client.host}:${client.port}/${client.database ?? ''}`;
  const remedy = `start Postgres at ${where}, or mend DATABASE_URL`;
  const connected = client.connect();
  connected.catch(() => undefined);
  async function ask(statement: string): Promise<unknown[]> {
    await connected;
    return (await client.query<object>(statement)).rows;
  }
  try {
    return await probeDatabase({ ask, where, remedy });
  } finally {
    // A server that hangs would not say good-bye either.
    client.end().catch(() => undefined);
  }
}

function openClient(url: string): pg.Client | undefined {
  // The driver would take anything for the name of a local database.
  if (!/^postgres(?:ql)?:\/\//.test(url) || !URL.canParse(url)) return undefined;
  try {
    return new pg.Client({ connectionString: url, connectionTimeoutMillis: probeMs });
  } catch {
    return undefined;
  }
}

/** Three looks at one database; the later ones only if it answers at all. */
export async function probeDatabase(of: { ask: Ask; where: string; remedy: string }): Promise<Probed[]> {
  const { ask, where, remedy } = of;
  const database = await probe({
    name: 'database',
    remedy,
    look: async () => {
      await ask('select 1');
      return ok(`${where} answers`);
    },
  });
  if (database.state === 'failed') return [database];
  const vector = await probe({
    name: 'pgvector',
    remedy,
    look: async () => {
      const { installed, available } = await readVector(ask);
      if (installed !== null) return ok(installed);
      if (available !== null) return ok(`${available} is available: the next start enables it`);
      return failed(`${where} has no extension vector: ${vectorRemedy}`);
    },
  });
  const migrations = await probe({
    name: 'migrations',
    remedy,
    look: async () => {
      const ours = ourMigrations();
      const { pending, fault } = judgeLedger(ours, await readLedger(ask));
      if (fault !== undefined) return failed(`${where}: ${fault}`);
      if (pending.length === 0) return ok(`all ${ours.length} applied`);
      return { state: 'warning', message: `the next start applies ${pending.join(', ')}` };
    },
  });
  return [database, vector, migrations];
}

/** The embedded database of an engine that does not run. `release` gives the lock on its data directory back. */
export async function probeStoppedPglite(of: {
  folder: string;
  release: () => Promise<void>;
  withinMs?: number;
}): Promise<Probed[]> {
  const { folder, release, withinMs = probeMs } = of;
  const remedy = 'end other work on this machine, or start the engine and look at its log';
  const opening = PGlite.create({ dataDir: folder, extensions: { vector } });
  try {
    const opened = await probe({
      name: 'database',
      remedy,
      withinMs,
      look: async () => {
        await opening;
        return ok(`${folder} opens`);
      },
    });
    if (opened.state === 'failed') return [opened];
    const client = await opening;
    return await probeDatabase({
      ask: async (statement) => (await client.query(statement)).rows,
      where: folder,
      remedy,
    });
  } finally {
    // It may still be opening: nobody else may open it before it is closed.
    void opening
      .then((client) => client.close())
      .catch(() => undefined)
      .finally(release);
  }
}

const Answer = z.object({ rows: z.array(z.unknown()) });

function askQueries(queries: Queries): Ask {
  return async (statement) => Answer.parse(await queries.execute(sql.raw(statement))).rows;
}

function ok(message: string): Found {
  return { state: 'ok', message };
}

function failed(message: string): Found {
  return { state: 'failed', message };
}

/** The codes of the kernel, of Node and of Postgres that an operator meets. */
const reasons: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the name of the host is not known',
  EAI_AGAIN: 'the name of the host could not be looked up',
  EHOSTUNREACH: 'the host can not be reached',
  ENETUNREACH: 'the network can not be reached',
  ETIMEDOUT: 'the host does not answer',
  ECONNRESET: 'the connection was broken off',
  ENOENT: 'it is not there',
  EACCES: 'it may not be used',
  '28P01': 'it refuses the user or the password',
  '28000': 'it refuses the user',
  '3D000': 'there is no database of that name',
  '42501': 'the user may not read what is asked',
  '53300': 'it has no connection left',
  '57P03': 'it is starting up or shutting down',
};

/** Never the error's own words: a driver's may hold an address with its password, or a statement. */
function whyFailed(error: unknown): string {
  const code = codeOf(error) ?? (error instanceof Error ? codeOf(error.cause) : undefined);
  if (code === undefined) return 'it does not answer as it should';
  return reasons[code] ?? `it fails with ${code}`;
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
