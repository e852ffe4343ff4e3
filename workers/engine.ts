/** All in one for one machine: database, Temporal server, workers and API, started in order and stopped in reverse. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAdaptorServer, type ServerType } from '@hono/node-server';
import { Client, Connection } from '@temporalio/client';
import { createGit } from '../activities/git/git.ts';
import { createApp } from '../api/app.ts';
import type { ApiDeps } from '../api/deps.ts';
import { EventHub } from '../api/event-hub.ts';
import { startClaimedMissions } from '../api/missions.ts';
import type { EngineFacts } from '../schema/contracts/messages.ts';
import { openPglite, readInstallation, type Database } from '../schema/db/database.ts';
import { openPostgres } from '../schema/db/postgres.ts';
import { findCaller, replaceToken } from '../schema/db/tokens.ts';
import { createActivities, knownEngines } from './activities.ts';
import { startOrClose, type Closers } from './closers.ts';
import {
  adminTokenFile,
  openDataDirectory,
  removeAddress,
  writeAddress,
  writeSecret,
  type DataDirectory,
  type EngineAddress,
} from './data-directory.ts';
import { createDoor } from './door.ts';
import { readEngineConfig, type EngineConfig } from './engine-config.ts';
import { firstHost, serveHost } from './hosts.ts';
import type { Log } from './log.ts';
import { prepareNamespace } from './temporal-namespace.ts';
import { reachable, startDevServer, type TemporalServer } from './temporal-server.ts';
import { clientTracing } from './tracing.ts';
import { runWorkers } from './workers.ts';

/** One tenant, until there are tokens of others. */
const tenant = 'default';

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
  /** The most connections to that server at once. */
  databasePool?: number | undefined;
  /** The name of this data directory among all that share the database; missions started here run here. */
  hostName?: string | undefined;
  roots: readonly string[];
  /** Finds or fetches the Temporal CLI. */
  temporalCommand: () => Promise<string>;
  log: Log;
  /** Wraps the activities of each worker: the seam at which tests break what they do. */
  decorate?: Decorate;
}

export type Decorate = <Activities extends object>(activities: Activities) => Activities;

export interface Engine {
  address: EngineAddress;
  /** Resolves when the engine has stopped, rejects when a part of it has failed. */
  done: Promise<void>;
  stop(): Promise<void>;
}

export function startEngine(options: EngineOptions): Promise<Engine> {
  return startOrClose((closers) => start(options, closers));
}

async function start(options: EngineOptions, closers: Closers): Promise<Engine> {
  const { log, namespace, hostName: host = firstHost } = options;
  const data = await openDataDirectory(options.data);
  closers.add(() => data.release());
  const config = await readEngineConfig({ data: data.paths.root, roots: options.roots });
  const opening = [openDatabase(options, data, closers), openTemporal(options, data, closers)] as const;
  // When one of them fails, the other must stand before it can be closed.
  await Promise.allSettled(opening);
  const [database, temporal] = await Promise.all(opening);
  await serveHost({ queries: database.queries, data, name: host, tenant, closers });
  const connection = await Connection.connect({ address: temporal.address });
  closers.add(() => connection.close());
  const ours = options.temporal === undefined;
  const { searchAttributes } = await prepareNamespace({ connection, namespace, ours });
  const client = new Client({ connection, namespace, interceptors: clientTracing() });
  const engine: EngineFacts = {
    installation: await readInstallation(database.queries),
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
    requestsPerMinute: config.requestsPerMinute,
    log: (error) => log.error('the API has failed', error),
  };
  const url = await serve(api, options, closers);
  await writeAdminToken(database, data, host);
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
  return { address, done: workers.done, stop: () => closers.close() };
}

async function openDatabase(
  options: EngineOptions,
  data: DataDirectory,
  closers: Closers,
): Promise<Database> {
  const { databaseUrl: url, databasePool: poolSize, hostName = firstHost } = options;
  const database = await (url === undefined
    ? openPglite(data.pglite)
    : openPostgres({ url, poolSize, name: `mission up ${hostName}` }));
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
  const decorate: Decorate = options.decorate ?? ((activities) => activities);
  const activities = createActivities({
    client: of.client,
    queries: of.database.queries,
    paths: of.data.paths,
    config: of.config,
    tenant,
  });
  const { installation, host } = engine;
  const { namespace } = options;
  const { slots } = of.config;
  return runWorkers({
    address: of.temporal.address,
    namespace,
    installation,
    host,
    slots,
    activities: { control: decorate(activities.control), host: decorate(activities.host) },
    closers,
  });
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
async function writeAdminToken(database: Database, data: DataDirectory, host: string): Promise<void> {
  const path = join(data.paths.root, adminTokenFile);
  const standing = await readFile(path, 'utf8').catch(() => '');
  if (standing !== '' && (await findCaller(database.queries, standing.trim())).kind === 'caller') return;
  // Each data directory has one of its own: a start must not take another's away.
  const name = host === firstHost ? 'admin' : `admin-${host}`;
  const secret = await replaceToken(database.queries, { tenant, name, scopes: ['admin'] });
  await writeSecret(path, secret);
}
