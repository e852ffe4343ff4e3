/** All in one for one machine: database, Temporal server, workers and API, started in order and stopped in reverse. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAdaptorServer, type ServerType } from '@hono/node-server';
import { Client, Connection } from '@temporalio/client';
import { createGit } from '../activities/git/git.ts';
import { createInUse } from '../activities/in-use.ts';
import { createNotifier } from '../activities/notify/notifier.ts';
import { createSend } from '../activities/notify/send.ts';
import type { Programs } from '../activities/processes/programs.ts';
import { createApp } from '../api/app.ts';
import type { ApiDeps } from '../api/deps.ts';
import { probes, type ApiTelemetry } from '../api/telemetry.ts';
import { EventHub } from '../api/event-hub.ts';
import { startClaimedMissions } from '../api/missions.ts';
import type { EngineFacts } from '../schema/contracts/messages.ts';
import { firstTenant as tenant } from '../schema/contracts/names.ts';
import type { Roster } from '../schema/contracts/roster.ts';
import { readInstallation, type Database, type Queries } from '../schema/db/database.ts';
import { listHosts } from '../schema/db/hosts.ts';
import { openPglite } from '../schema/db/pglite.ts';
import { openPostgres } from '../schema/db/postgres.ts';
import { findCaller, replaceToken } from '../schema/db/tokens.ts';
import type { Agents } from '../activities/sessions/agents.ts';
import {
  createActivities,
  knownAgents,
  knownEngines,
  knownForges,
  knownScrub,
  openSpawner,
  startForgeNews,
  type KnownForges,
} from './activities.ts';
import { readRosterFile, rosterPath } from './roster-file.ts';
import { startOrClose, type Closers } from './closers.ts';
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
import { createFleetDesk } from './fleet-desk.ts';
import { readEngineConfig, type EngineConfig } from './engine-config.ts';
import { firstHost, serveHost } from './hosts.ts';
import { listen } from './listen.ts';
import type { Log } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { keepNotifying } from './notifying.ts';
import { preflight, probeRunning, refuseBroken } from './probes.ts';
import { keepSwept } from './sweep-schedule.ts';
import { prepareNamespace } from './temporal-namespace.ts';
import { startDevServer, type TemporalServer } from './temporal-server.ts';
import { clientTracing, startTracing, type Tracing } from './tracing.ts';
import { createWebhookDesk } from './webhook-desk.ts';
import { runWorkers } from './workers.ts';

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
  /** Where Temporal's core tells its metrics: the answer of `installRuntimeWithMetrics`. */
  sdkMetricsPort?: number;
  log: Log;
  /** Wraps the activities of each worker: the seam at which tests break what they do. */
  decorate?: Decorate;
}

export type Decorate = <Activities extends object>(activities: Activities) => Activities;

export interface Engine {
  address: EngineAddress;
  /** Its database, for who embeds it. */
  queries: Queries;
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
  const { roster } = await readRosterFile(rosterPath(data.paths.root));
  const agents = knownAgents(roster);
  const forges = knownForges(data.paths);
  const programs = openSpawner(closers);
  refuseBroken(await preflight(options));
  const opening = [openDatabase(options, data, closers), openTemporal(options, data, closers)] as const;
  // When one of them fails, the other must stand before it can be closed.
  await Promise.allSettled(opening);
  const [database, temporal] = await Promise.all(opening);
  const { queries } = database;
  const served = await serveHost({ queries, data, name: host, tenant, config, agents, closers });
  const { root } = data.paths;
  const installation = await readInstallation(database.queries, await readInstallationFile(root));
  await writeInstallationFile(root, installation);
  const tracing = startTracing({ installation, log });
  closers.add(() => tracing.stop());
  const metrics = createMetrics({ queries: database.queries, sdkPort: options.sdkMetricsPort, log });
  const connection = await Connection.connect({ address: temporal.address });
  closers.add(() => connection.close());
  const ours = options.temporal === undefined;
  const { searchAttributes } = await prepareNamespace({ connection, namespace, ours });
  const client = new Client({ connection, namespace, interceptors: clientTracing(tracing) });
  const engine: EngineFacts = {
    installation,
    tenant,
    host,
    searchAttributes,
    goAheadBySignal: ours,
    placement: true,
    milestones: true,
  };

  const workers = await startWorkers({
    ...{ options, data, config, agents, roster, database, client, temporal, engine, closers },
    ...{ tracing, metrics, programs, knownForges: forges },
  });
  await keepSwept({ client, installation, host, folder: data.paths.root, log, closers });
  const events = new EventHub();
  await events.start(database);
  closers.add(() => events.stop());
  const { credentials, remote: remoteForges } = forges;
  const ending = new AbortController();
  const notifier = createNotifier({
    ...{ queries, tenant, listeners: config.notify, send: createSend(ending) },
    warn: (message, fields) => log.warn(message, fields),
  });
  keepNotifying({ notifier, ending, log, closers });
  const api: ApiDeps = {
    queries: database.queries,
    client,
    engine,
    door: createDoor({
      git: createGit({ configFile: data.paths.gitConfig, programs }),
      config,
      engines: knownEngines(config),
      ...{ agents, roster, host },
      warn: (message, fields) => log.warn(message, fields),
      hosts: async ({ withAgentsOfNow }) => {
        // One may have been installed a moment ago. Scripts and commands need none: they don't wait for the look.
        if (withAgentsOfNow) await served.touch();
        return listHosts(queries, { tenant });
      },
      remoteForges,
    }),
    events,
    fleet: createFleetDesk({ data: data.paths.root, tenant }),
    webhooks: createWebhookDesk({ credentials, remoteForges, ...config }),
    notify: notifier,
    probe: () => probeRunning({ data: data.paths.root, client, queries: database.queries }),
    temporalUi: temporal.ui,
    telemetry: apiTelemetry({ options, metrics }),
    requestsPerMinute: config.requestsPerMinute,
    log: (error, fields) => log.error('the API has failed', error, fields),
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
  log.info('the engine is up', { ...address });
  return { address, queries: database.queries, done: workers.done, stop };

  async function stop(): Promise<void> {
    await closers.close();
    log.info('the engine has stopped');
  }
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
  if (options.temporal !== undefined) return { address: options.temporal, ui: null };
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
  agents: Agents;
  roster: Roster;
  database: Database;
  client: Client;
  temporal: { address: string };
  engine: EngineFacts;
  closers: Closers;
  tracing: Tracing;
  metrics: Metrics;
  programs: Programs;
  knownForges: KnownForges;
}): Promise<{ done: Promise<void> }> {
  const { options, engine, closers } = of;
  const decorate: Decorate = options.decorate ?? ((activities) => activities);
  const scrub = await knownScrub({ roster: of.roster, credentials: of.knownForges.credentials });
  const inUse = createInUse();
  const activities = createActivities({
    client: of.client,
    queries: of.database.queries,
    paths: of.data.paths,
    config: of.config,
    agents: of.agents,
    roster: of.roster,
    tenant,
    programs: of.programs,
    knownForges: of.knownForges,
    log: options.log,
    scrub,
    inUse,
    forgeNews: await startForgeNews(of),
  });
  const { installation, host } = engine;
  const { namespace, log } = options;
  const { slots } = of.config;
  return runWorkers({
    address: of.temporal.address,
    namespace,
    installation,
    host,
    slots,
    activities: {
      control: decorate(activities.control),
      host: decorate({ ...activities.host, ...activities.sweep }),
    },
    scrub,
    inUse,
    tracing: of.tracing,
    sessionWatched: of.metrics.sessionWatched,
    log,
    closers,
  });
}

function apiTelemetry(of: { options: EngineOptions; metrics: Metrics }): ApiTelemetry {
  const { metrics, options } = of;
  return {
    metrics,
    metricsOpen: isLoopback(options.listen),
    requestAnswered(request) {
      metrics.requestAnswered(request);
      const say = probes.has(request.route) ? options.log.debug : options.log.info;
      say('request', { ...request });
    },
  };
}

function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || /^127(?:\.\d{1,3}){3}$/.test(address);
}

async function serve(api: ApiDeps, options: EngineOptions, closers: Closers): Promise<string> {
  const server: ServerType = createAdaptorServer({ fetch: createApp(api).fetch });
  const port = await listen({ server, port: options.port, address: options.listen });
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
