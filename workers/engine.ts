/** All in one for one machine: database, Temporal server, workers and API, started in order and stopped in reverse. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAdaptorServer, type ServerType } from '@hono/node-server';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, type Worker } from '@temporalio/worker';
import { createGit } from '../activities/git/git.ts';
import { createApp } from '../api/app.ts';
import type { ApiDeps } from '../api/deps.ts';
import { EventHub } from '../api/event-hub.ts';
import { startClaimedMissions } from '../api/missions.ts';
import type { EngineFacts } from '../schema/contracts/messages.ts';
import {
  openPglite,
  openPostgres,
  readInstallation,
  type Database,
  type Queries,
} from '../schema/db/database.ts';
import { findCaller, replaceToken } from '../schema/db/tokens.ts';
import { createActivities, knownEngines } from './activities.ts';
import {
  adminTokenFile,
  openDataDirectory,
  readInstallationFile,
  removeAddress,
  writeAddress,
  writeInstallationFile,
  writeSecret,
  type DataDirectory,
  type EngineAddress,
} from './data-directory.ts';
import { createDoor } from './door.ts';
import { readEngineConfig, type EngineConfig } from './engine-config.ts';
import type { Log } from './log.ts';
import { prepareNamespace } from './temporal-namespace.ts';
import { reachable, startDevServer, type TemporalServer } from './temporal-server.ts';
import { clientTracing } from './tracing.ts';
import { createControlWorker, createHostWorkers } from './workers.ts';

/** One tenant, until there are tokens of others. */
const tenant = 'default';

/** The one host of an all-in-one engine. */
const host = 'local';

export interface EngineOptions {
  data: string;
  /** 0: any free port. */
  port: number;
  /** The address to listen on; loopback unless asked. */
  listen: string;
  /** An address means that the Temporal server is somebody else's. */
  temporal: string | undefined;
  namespace: string;
  databaseUrl: string | undefined;
  roots: readonly string[];
  /** Finds or fetches the Temporal CLI. */
  temporalCommand: () => Promise<string>;
  log: Log;
}

export interface Engine {
  address: EngineAddress;
  /** Its database, for who embeds it. */
  queries: Queries;
  /** Resolves when the engine has stopped, rejects when a part of it has failed. */
  done: Promise<void>;
  stop(): Promise<void>;
}

/** What was started, to be stopped in reverse. */
class Closers {
  readonly #closers: (() => unknown)[] = [];

  add(close: () => unknown): void {
    this.#closers.unshift(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0)) await close();
  }
}

export async function startEngine(options: EngineOptions): Promise<Engine> {
  const closers = new Closers();
  try {
    return await start(options, closers);
  } catch (error) {
    await closers.close();
    throw error;
  }
}

async function start(options: EngineOptions, closers: Closers): Promise<Engine> {
  const { log, namespace } = options;
  const data = await openDataDirectory(options.data);
  closers.add(() => data.release());
  const config = await readEngineConfig({ data: data.paths.root, roots: options.roots });
  const [database, temporal] = await Promise.all([
    openDatabase(options, data, closers),
    openTemporal(options, data, closers),
  ]);
  const connection = await Connection.connect({ address: temporal.address });
  closers.add(() => connection.close());
  const ours = options.temporal === undefined;
  const { searchAttributes } = await prepareNamespace({ connection, namespace, ours });
  const client = new Client({ connection, namespace, interceptors: clientTracing() });
  const { root } = data.paths;
  const installation = await readInstallation(database.queries, await readInstallationFile(root));
  await writeInstallationFile(root, installation);
  const engine: EngineFacts = {
    installation,
    tenant,
    host,
    searchAttributes,
    goAheadBySignal: ours,
  };

  const workers = await startWorkers({ options, data, config, database, client, temporal, engine, closers });
  const events = new EventHub();
  await events.start(database);
  closers.add(() => events.stop());
  const api: ApiDeps = {
    queries: database.queries,
    client,
    engine,
    door: createDoor({
      git: createGit({ configFile: data.paths.gitConfig }),
      config,
      engines: knownEngines(config),
    }),
    events,
    temporalUi: temporal.ui,
    log: (error) => log.error('the API has failed', error),
  };
  const url = await serve(api, options, closers);
  await writeAdminToken(database, data);
  const address: EngineAddress = {
    url,
    pid: process.pid,
    installation: engine.installation,
    temporal: temporal.address,
    namespace,
    temporalUi: temporal.ui,
  };
  await writeAddress(data.paths.root, address);
  closers.add(() => removeAddress(data.paths.root));
  await startClaimedMissions(api);
  return { address, queries: database.queries, done: workers.done, stop: () => closers.close() };
}

async function openDatabase(
  options: EngineOptions,
  data: DataDirectory,
  closers: Closers,
): Promise<Database> {
  const { databaseUrl } = options;
  const database = await (databaseUrl === undefined ? openPglite(data.pglite) : openPostgres(databaseUrl));
  closers.add(() => database.close());
  return database;
}

async function openTemporal(
  options: EngineOptions,
  data: DataDirectory,
  closers: Closers,
): Promise<Pick<TemporalServer, 'address' | 'ui'>> {
  if (options.temporal !== undefined) {
    await reachable(options.temporal, 10_000);
    return { address: options.temporal, ui: null };
  }
  const server = await startDevServer({
    root: data.paths.root,
    namespace: options.namespace,
    command: options.temporalCommand,
    onRestart: (message) => options.log.warn(message),
  });
  closers.add(() => server.stop());
  return server;
}

async function startWorkers(of: {
  options: EngineOptions;
  data: DataDirectory;
  config: EngineConfig;
  database: Database;
  client: Client;
  temporal: { address: string };
  engine: EngineFacts;
  closers: Closers;
}): Promise<{ done: Promise<void> }> {
  const { options, engine, closers } = of;
  const connection = await NativeConnection.connect({ address: of.temporal.address });
  closers.add(() => connection.close());
  const activities = createActivities({
    client: of.client,
    queries: of.database.queries,
    paths: of.data.paths,
    config: of.config,
    tenant,
  });
  const common = { connection, namespace: options.namespace, installation: engine.installation };
  const [control, onHost] = await Promise.all([
    createControlWorker({ ...common, activities: activities.control }),
    createHostWorkers({
      ...common,
      host,
      slots: of.config.slots,
      activities: { ...activities.control, ...activities.host },
    }),
  ]);
  const workers: Worker[] = [control, ...onHost];
  const done = Promise.all(workers.map((worker) => worker.run())).then(() => undefined);
  // Whoever stops us hears of a failure from `stop`; until then `done` is the engine's own.
  done.catch(() => undefined);
  closers.add(async () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    await done.catch(() => undefined);
  });
  return { done };
}

async function serve(api: ApiDeps, options: EngineOptions, closers: Closers): Promise<string> {
  const server: ServerType = createAdaptorServer({ fetch: createApp(api).fetch });
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.listen, () => {
      const bound = server.address();
      resolve(typeof bound === 'object' && bound ? bound.port : options.port);
    });
  });
  closers.add(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        // Followers of events would keep their streams open for ever.
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  );
  const shown = options.listen.includes(':') ? `[${options.listen}]` : options.listen;
  return `http://${shown}:${port}`;
}

/** The first admin token, written once; only its hash is in the database. */
async function writeAdminToken(database: Database, data: DataDirectory): Promise<void> {
  const path = join(data.paths.root, adminTokenFile);
  const standing = await readFile(path, 'utf8').catch(() => '');
  if (standing !== '' && (await findCaller(database.queries, standing.trim()))) return;
  const secret = await replaceToken(database.queries, { tenant, name: 'admin', scopes: ['admin'] });
  await writeSecret(path, secret);
}
