import { Command } from 'commander';
import { askedToStop } from './asked-to-stop.ts';
import { groups } from './command.ts';
import { databaseFromEnvironment, hostNameOption } from './host-options.ts';
import { dataOption, show, Usage } from './output.ts';
import { logFormatOption, parsePort } from './service-options.ts';
import { firstTenant } from '../../schema/contracts/names.ts';
import type { LogFormat } from '../../workers/log.ts';

interface WorkerOptions {
  data: string;
  temporal?: string;
  namespace: string;
  hostName?: string;
  metricsPort?: number;
  logFormat?: LogFormat;
  json?: boolean;
}

export function workerCommand(): Command {
  return new Command('worker')
    .description('Run workflows and effects in another process, on a database server (DATABASE_URL)')
    .helpGroup(groups.engine)
    .addOption(dataOption())
    .option('--temporal <address>', 'the engine’s Temporal server', process.env['TEMPORAL_ADDRESS'])
    .option('--namespace <name>', 'the Temporal namespace', 'default')
    .addOption(hostNameOption('serve this host too, its sessions and merges; without it workflows only'))
    .option('--metrics-port <n>', 'serve Prometheus metrics on 127.0.0.1 (0: any free port)', parsePort)
    .addOption(logFormatOption())
    .option('--json', 'say that it is ready as one JSON object, errors too')
    .addHelpText(
      'after',
      `
Examples:
  DATABASE_URL=postgres://… mission worker --data ./worker-2 --temporal 127.0.0.1:7233
  DATABASE_URL=postgres://… mission worker --data ./c --host-name c --temporal 127.0.0.1:7233

Without DATABASE_URL the database is inside the engine's own process, and no other may open it.`,
    )
    .action(runWorker);
}

async function runWorker(options: WorkerOptions): Promise<void> {
  const { databaseUrl, databasePool } = databaseFromEnvironment();
  if (!databaseUrl) {
    throw new Usage(
      'the embedded database belongs to one process: set DATABASE_URL to a server for engine and workers',
    );
  }
  if (!options.temporal) throw new Usage('name the engine’s Temporal server with --temporal');
  const { startStandaloneWorker } = await import('../../workers/standalone-worker.ts');
  const { createLog } = await import('../../workers/log.ts');
  const { installRuntimeWithMetrics } = await import('../../workers/runtime.ts');
  const log = createLog({ format: options.logFormat });
  const sdkMetricsPort = await installRuntimeWithMetrics(log);
  const { data, temporal, namespace, hostName, metricsPort } = options;
  const worker = await startStandaloneWorker({
    ...{ data, temporal, namespace, databaseUrl, databasePool, hostName, tenant: firstTenant },
    ...{ metricsPort, sdkMetricsPort, log },
  });
  const { installation, metricsUrl = null } = worker;
  const ready = { ready: true, pid: process.pid, installation, host: hostName ?? null, metricsUrl };
  const lines = [
    'the worker is polling; Ctrl-C stops it',
    ...(metricsUrl === null ? [] : [`metrics: ${metricsUrl}`]),
  ];
  show(ready, () => lines, options.json);
  await Promise.race([worker.done, askedToStop()]);
  await worker.stop();
}
