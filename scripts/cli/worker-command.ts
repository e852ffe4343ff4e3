import { Command } from 'commander';
import { askedToStop } from './asked-to-stop.ts';
import { groups } from './command.ts';
import { dataOption, show, Usage } from './output.ts';

interface WorkerOptions {
  data: string;
  temporal?: string;
  namespace: string;
  json?: boolean;
}

export function workerCommand(): Command {
  return new Command('worker')
    .description('Run workflows and effects in another process, on a database server (DATABASE_URL)')
    .helpGroup(groups.engine)
    .addOption(dataOption())
    .option('--temporal <address>', 'the engine’s Temporal server', process.env['TEMPORAL_ADDRESS'])
    .option('--namespace <name>', 'the Temporal namespace', 'default')
    .option('--json', 'say that it is ready as one JSON object, errors too')
    .addHelpText(
      'after',
      `
Examples:
  DATABASE_URL=postgres://… mission worker --data ./worker-2 --temporal 127.0.0.1:7233

Without DATABASE_URL the database is inside the engine's own process, and no other may open it.`,
    )
    .action(runWorker);
}

async function runWorker(options: WorkerOptions): Promise<void> {
  const databaseUrl = process.env['DATABASE_URL'];
  if (!databaseUrl) {
    throw new Usage(
      'the embedded database belongs to one process: set DATABASE_URL to a server for engine and workers',
    );
  }
  if (!options.temporal) throw new Usage('name the engine’s Temporal server with --temporal');
  const { startStandaloneWorker } = await import('../../workers/standalone-worker.ts');
  const { createLog } = await import('../../workers/log.ts');
  const { installRuntime } = await import('../../workers/runtime.ts');
  installRuntime(createLog());
  const { data, temporal, namespace } = options;
  const worker = await startStandaloneWorker({ data, temporal, namespace, databaseUrl, tenant: 'default' });
  const ready = { ready: true, pid: process.pid };
  show(ready, () => ['the worker is polling; Ctrl-C stops it'], options.json);
  await Promise.race([worker.done, askedToStop().then(() => worker.stop())]);
  await worker.done;
}
