/** A control worker in a process of its own, beside an engine that works on the same database and Temporal server. */
import { createServer } from 'node:http';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { openPostgres, readInstallation } from '../schema/db/database.ts';
import { createActivities } from './activities.ts';
import { openDataDirectory } from './data-directory.ts';
import { readEngineConfig } from './engine-config.ts';
import type { Log } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { clientTracing, startTracing } from './tracing.ts';
import { createControlWorker } from './workers.ts';

export interface StandaloneWorker {
  /** Resolves when the worker has stopped. */
  done: Promise<void>;
  /** Where Prometheus finds its metrics, if it serves any. */
  metricsUrl: string | undefined;
  stop(): void;
}

/**
 * It shares workflows, forge, CI and merges with the engine; sessions stay with the engine's own host. Its data
 * directory holds mirrors and CI runs, and is its own.
 */
export async function startStandaloneWorker(of: {
  data: string;
  temporal: string;
  namespace: string;
  databaseUrl: string;
  tenant: string;
  /** On loopback; 0: any free port; undefined: none. */
  metricsPort: number | undefined;
  sdkMetricsPort: number | undefined;
  log: Log;
}): Promise<StandaloneWorker> {
  const data = await openDataDirectory(of.data);
  const config = await readEngineConfig({ data: data.paths.root, roots: [] });
  const database = await openPostgres(of.databaseUrl);
  const { queries } = database;
  const connection = await Connection.connect({ address: of.temporal });
  const native = await NativeConnection.connect({ address: of.temporal });
  const { namespace, tenant, log } = of;
  const installation = await readInstallation(queries);
  const tracing = startTracing({ installation, log });
  const metrics = createMetrics({ queries: undefined, sdkPort: of.sdkMetricsPort, log });
  const served =
    of.metricsPort === undefined ? undefined : await serveMetrics({ port: of.metricsPort, metrics });
  const client = new Client({ connection, namespace, interceptors: clientTracing() });
  const activities = createActivities({ client, queries, paths: data.paths, config, tenant });
  const worker = await createControlWorker({
    connection: native,
    namespace,
    installation,
    tracing,
    sessionWatched: metrics.sessionWatched,
    activities: activities.control,
  });
  const done = worker.run().finally(async () => {
    served?.close();
    await tracing.stop();
    await native.close();
    await connection.close();
    await database.close();
    await data.release();
    log.info('the worker has stopped');
  });
  log.info('the worker is up', { installation, temporal: of.temporal, namespace });
  return { done, metricsUrl: served?.url, stop: () => worker.shutdown() };
}

/** Anybody on this machine may read them; nobody else can. */
async function serveMetrics(of: { port: number; metrics: Metrics }): Promise<{ url: string; close(): void }> {
  const { metrics } = of;
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    metrics.text().then(
      (text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', reject);
    server.listen(of.port, '127.0.0.1', () => {
      const bound = server.address();
      resolve(typeof bound === 'object' && bound ? bound.port : of.port);
    });
  });
  return { url: `http://127.0.0.1:${port}/metrics`, close };

  function close(): void {
    server.close();
    server.closeAllConnections();
  }
}
