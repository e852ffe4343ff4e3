import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { writeFile } from 'node:fs/promises';
import { packageRoot } from '../../schema/package-root.ts';
import { prepareNamespace } from '../../workers/temporal-namespace.ts';
import { startDevServer } from '../../workers/temporal-server.ts';
import { findServer } from '../toolchain.mjs';
import type { WorkerSpec } from './orders.ts';
import { startWorker, type BenchWorker } from './bench-worker.ts';

/** A Temporal server of the benchmark's own, with the settings of an engine's, in a folder that is thrown away. */
export interface BenchServer {
  client: Client;
  installation: string;
  /** A worker in a process of its own, with a database of its own; it ends with the server. */
  startWorker(of: Pick<WorkerSpec, 'runs' | 'records'>): Promise<BenchWorker>;
  stop(): Promise<void>;
}

const namespace = 'default';

export async function startBenchServer(say: (line: string) => void): Promise<BenchServer> {
  const folder = await mkdtemp(join(tmpdir(), 'mission-bench-'));
  const temporal = await startDevServer({
    root: folder,
    namespace,
    command: () => findServer('cli', () => undefined),
    onRestart: say,
  });
  const connection = await Connection.connect({ address: temporal.address });
  const { searchAttributes } = await prepareNamespace({ connection, namespace, ours: true });
  const client = new Client({ connection, namespace });
  const bareBundle = await bundleBare(folder);
  const workers: BenchWorker[] = [];
  const installation = 'bench';

  return {
    client,
    installation,
    async startWorker(of) {
      const spec: WorkerSpec = {
        ...of,
        address: temporal.address,
        namespace,
        installation,
        searchAttributes,
        bareBundle,
        folder: await mkdtemp(join(folder, 'worker-')),
      };
      const worker = await startWorker(spec);
      workers.push(worker);
      return worker;
    },
    async stop() {
      for (const worker of workers) await worker.stop();
      await connection.close();
      await temporal.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Made here and not by the build: it takes seconds, and only a benchmark needs it. */
async function bundleBare(folder: string): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(packageRoot(), 'scripts/bench/bare-workflow.ts'),
    logger: new DefaultLogger('WARN'),
  });
  const path = join(folder, 'bare-bundle.js');
  await writeFile(path, code);
  return path;
}
