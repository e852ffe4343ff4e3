/** A control worker in a process of its own, beside an engine that works on the same database and Temporal server. */
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { openPostgres, readInstallation } from '../schema/db/database.ts';
import { createActivities } from './activities.ts';
import { openDataDirectory } from './data-directory.ts';
import { readEngineConfig } from './engine-config.ts';
import { preflight, refuseBroken } from './probes.ts';
import { clientTracing } from './tracing.ts';
import { createControlWorker } from './workers.ts';

export interface StandaloneWorker {
  /** Resolves when the worker has stopped. */
  done: Promise<void>;
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
}): Promise<StandaloneWorker> {
  refuseBroken(await preflight(of));
  const data = await openDataDirectory(of.data);
  const config = await readEngineConfig({ data: data.paths.root, roots: [] });
  const database = await openPostgres(of.databaseUrl);
  const { queries } = database;
  const connection = await Connection.connect({ address: of.temporal });
  const native = await NativeConnection.connect({ address: of.temporal });
  const { namespace, tenant } = of;
  const client = new Client({ connection, namespace, interceptors: clientTracing() });
  const activities = createActivities({ client, queries, paths: data.paths, config, tenant });
  const worker = await createControlWorker({
    connection: native,
    namespace,
    installation: await readInstallation(queries),
    activities: activities.control,
  });
  const done = worker.run().finally(async () => {
    await native.close();
    await connection.close();
    await database.close();
    await data.release();
  });
  return { done, stop: () => worker.shutdown() };
}
