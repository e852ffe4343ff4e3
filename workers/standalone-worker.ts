/** Workers in a process of their own, beside engines that work on the same database and Temporal server. */
import { Client, Connection } from '@temporalio/client';
import { readInstallation } from '../schema/db/database.ts';
import { openPostgres } from '../schema/db/postgres.ts';
import { createActivities } from './activities.ts';
import { startOrClose, type Closers } from './closers.ts';
import { openDataDirectory } from './data-directory.ts';
import { readEngineConfig } from './engine-config.ts';
import { serveHost } from './hosts.ts';
import { reachable } from './temporal-server.ts';
import { clientTracing } from './tracing.ts';
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
}

export interface StandaloneWorker {
  installation: string;
  /** Resolves when the worker has stopped, rejects when it has failed. */
  done: Promise<void>;
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
  const { temporal: address, namespace, hostName: host, tenant } = options;
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
  if (host !== undefined) await serveHost({ queries, data, name: host, tenant, closers });
  await reachable(address, 10_000);
  const connection = await Connection.connect({ address });
  closers.add(() => connection.close());
  const client = new Client({ connection, namespace, interceptors: clientTracing() });
  const activities = createActivities({ client, queries, paths: data.paths, config, tenant });
  const installation = await readInstallation(queries);
  const { slots } = config;
  const { done } = await runWorkers({ address, namespace, installation, host, slots, activities, closers });
  return { installation, done, stop: () => closers.close() };
}
