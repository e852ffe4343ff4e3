import { Command } from 'commander';
import type { LogFormat } from '../../workers/log.ts';
import { findServer } from '../toolchain.mjs';
import { askedToStop } from './asked-to-stop.ts';
import { collect, groups } from './command.ts';
import { databaseFromEnvironment, hostCommandLine, hostNameOption } from './host-options.ts';
import { dataOption, print } from './output.ts';
import { logFormatOption, parsePort } from './service-options.ts';

/** The standard port of the API; any number above 1023 that nothing well known uses. */
const defaultPort = 7077;

export function upCommand(): Command {
  return new Command('up')
    .description('Start the engine: API, workers, database and Temporal server, all in one for this machine')
    .helpGroup(groups.engine)
    .addOption(dataOption())
    .option('--port <n>', 'the port of the API; 0 for any free one', parsePort, defaultPort)
    .option('--host <addr>', 'the address to listen on', '127.0.0.1')
    .addOption(hostNameOption('this data directory’s name among all that share a database (default: local)'))
    .option(
      '--temporal <address>',
      'a Temporal server to use instead of our own',
      process.env['TEMPORAL_ADDRESS'],
    )
    .option('--namespace <name>', 'the Temporal namespace', 'default')
    .option('--root <dir>', 'a folder that repositories and scripts may lie in (repeatable)', collect, [])
    .addOption(logFormatOption())
    .option('--json', 'print the addresses as one JSON object, errors too')
    .addHelpText(
      'after',
      `
Examples:
  mission up --root ~/src
  mission up --data /srv/missions --port 8080
  DATABASE_URL=postgres://… mission up --temporal temporal.internal:7233 --namespace missions
  DATABASE_URL=postgres://… mission up --temporal temporal.internal:7233 --data ./b --host-name b --port 7078

Whoever may create missions can run programs on this machine as the user that runs \`mission up\`.`,
    )
    .action(runEngine);
}

async function runEngine(options: UpOptions): Promise<void> {
  // The engine loads Temporal's native core: no other command should wait for that.
  const { startEngine } = await import('../../workers/engine.ts');
  const { createLog } = await import('../../workers/log.ts');
  const { installRuntimeWithMetrics } = await import('../../workers/runtime.ts');
  const log = createLog({ format: options.logFormat });
  const sdkMetricsPort = await installRuntimeWithMetrics(log);
  const engine = await startEngine({
    data: options.data,
    port: options.port,
    listen: options.host,
    temporal: options.temporal,
    namespace: options.namespace,
    ...databaseFromEnvironment(),
    hostName: options.hostName,
    roots: options.root,
    temporalCommand: () => findServer('cli', (line) => log.info(line)),
    sdkMetricsPort,
    log,
  });
  const { url, temporalUi } = engine.address;
  const hosts = hostCommandLine(engine.address);
  if (options.json) print(JSON.stringify({ ...engine.address, hostCommand: hosts }));
  else {
    print(`API          ${url}   (docs: ${url}/docs)`);
    print(`Temporal UI  ${temporalUi ?? 'of the server that was named'}`);
    print(`Hosts        ${hosts}`);
    print('Ctrl-C stops the engine; agents live on and are found again.');
  }
  await Promise.race([engine.done, askedToStop()]);
  log.info('stopping');
  await engine.stop();
}

interface UpOptions {
  data: string;
  port: number;
  host: string;
  hostName?: string;
  temporal?: string;
  namespace: string;
  root: string[];
  logFormat?: LogFormat;
  json?: boolean;
}
