/** Workers in a process of their own, beside engines that work on the same database and Temporal server. */
import { Client, Connection } from '@temporalio/client';
import { createInUse } from '../activities/in-use.ts';
import { readInstallation } from '../schema/db/database.ts';
import { openPostgres } from '../schema/db/postgres.ts';
import {
  createActivities,
  knownAgents,
  knownForges,
  knownScrub,
  openSpawner,
  startForgeNews,
} from './activities.ts';
import { readRosterFile, rosterPath } from './roster-file.ts';
import { startOrClose, type Closers } from './closers.ts';
import { openDataDirectory } from './data-directory.ts';
import { readEngineConfig } from './engine-config.ts';
import { serveHost } from './hosts.ts';
import type { Log } from './log.ts';
import { createMetrics } from './metrics.ts';
import { preflight, refuseBroken } from './probes.ts';
import { serveMetrics } from './serve-metrics.ts';
import { clientTracing, startTracing } from './tracing.ts';
import { keepSwept } from './sweep-schedule.ts';
import { runWorkers } from './workers.ts';

export interface WorkerOptions {
  data: string;
  temporal: string;
  namespace: string;
  databaseUrl: string;
  databasePool: number | undefined;
  /** The host that it serves as well; without one it is a control worker only. */
  hostName: string | undefined;
  tenant: string;
  /** On loopback; 0: any free port; undefined: none. */
  metricsPort: number | undefined;
  sdkMetricsPort: number | undefined;
  log: Log;
}

export interface StandaloneWorker {
  installation: string;
  /** Resolves when the worker has stopped, rejects when it has failed. */
  done: Promise<void>;
  /** Where Prometheus finds its metrics, if it serves any. */
  metricsUrl: string | undefined;
  stop(): Promise<void>;
}

/**
 * It shares workflows and the read model with the engines. With a host name it also runs what missions do on that
 * host: its data directory is that host, with sessions, clones and mirrors.
 */
export function startStandaloneWorker(options: WorkerOptions): Promise<StandaloneWorker> {
  return startOrClose((closers) => start(options, closers));
}

async function start(options: WorkerOptions, closers: Closers): Promise<StandaloneWorker> {
  const { temporal: address, namespace, hostName: host, tenant, log } = options;
  refuseBroken(await preflight(options));
  const data = await openDataDirectory(options.data);
  closers.add(() => data.release());
  const config = await readEngineConfig({ data: data.paths.root, roots: [] });
  const database = await openPostgres({
    url: options.databaseUrl,
    poolSize: options.databasePool,
    name: host === undefined ? 'mission worker' : `mission worker ${host}`,
  });
  closers.add(() => database.close());
  const { queries } = database;
  const { roster } = await readRosterFile(rosterPath(data.paths.root));
  const agents = knownAgents(roster);
  if (host !== undefined) {
    await serveHost({ queries, data, name: host, tenant, config, agents, closers });
  }
  const connection = await Connection.connect({ address });
  closers.add(() => connection.close());
  const installation = await readInstallation(queries);
  const tracing = startTracing({ installation, log });
  closers.add(() => tracing.stop());
  const metrics = createMetrics({ queries: undefined, sdkPort: options.sdkMetricsPort, log });
  const metricsUrl = await serveMetrics({ port: options.metricsPort, metrics, closers });
  const client = new Client({ connection, namespace, interceptors: clientTracing(tracing) });
  const forges = knownForges(data.paths);
  const scrub = await knownScrub({ roster, credentials: forges.credentials });
  const inUse = createInUse();
  const forgeNews = await startForgeNews({ database, closers });
  const {
    control,
    host: onHost,
    sweep,
  } = createActivities({
    ...{ client, queries, paths: data.paths, config },
    ...{ agents, roster, tenant, log, scrub, inUse, forgeNews },
    knownForges: forges,
    programs: openSpawner(closers),
  });
  const { slots } = config;
  const { sessionWatched } = metrics;
  const { done } = await runWorkers({
    ...{ address, namespace, installation, host, slots, closers },
    activities: { control, host: { ...onHost, ...sweep } },
    ...{ tracing, sessionWatched, scrub, inUse, log },
  });
  if (host !== undefined) {
    await keepSwept({ client, installation, host, folder: data.paths.root, log, closers });
  }
  log.info('the worker is up', { installation, temporal: address, namespace });
  closers.add(() => log.info('the worker stops'));
  return { installation, metricsUrl, done, stop: () => closers.close() };
}
