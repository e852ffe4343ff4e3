import { homedir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { agentRuntimes, RuntimeName } from '../../schema/contracts/agent.ts';
import type { Host } from '../../schema/contracts/host.ts';
import type { LogFormat } from '../../workers/log.ts';
import { askedToStop } from './asked-to-stop.ts';
import { apiOf, command, examplesHelp, groups, mutation } from './command.ts';
import { parseName } from './host-options.ts';
import { show, Usage } from './output.ts';
import { logFormatOption, parsePort } from './service-options.ts';
import { table } from './table.ts';

interface HostOptions {
  name?: string;
  data?: string;
  temporal?: string;
  namespace: string;
  installation?: string;
  tenant: string;
  slots?: number;
  labels?: string[];
  runtimes?: RuntimeName[];
  leaseSeconds: number;
  allowRoot?: boolean;
  metricsPort?: number;
  logFormat?: LogFormat;
  json?: boolean;
}

/** Long enough for a server that restarts, short enough that a task need not wait long for another host. */
const defaultLeaseSeconds = 60;

export function hostCommand(): Command {
  const host = new Command('host')
    .description('Run sessions on this machine for an engine elsewhere; list hosts, drain one')
    .helpGroup(groups.engine)
    // What stands behind `list` and `drain` is theirs.
    .enablePositionalOptions()
    .option('--name <name>', 'what it is called; belongs to its data directory for ever', parseName)
    .option('--temporal <address>', 'the engine’s Temporal server', process.env['TEMPORAL_ADDRESS'])
    .option('--namespace <name>', 'the Temporal namespace', 'default')
    .option('--installation <id>', 'the engine’s installation: `mission up` and `mission doctor` tell it')
    .option('--data <dir>', 'its own data directory (default: mission-hosts/NAME beside the engine’s)')
    .option('--slots <n>', 'sessions and checks at once (default: of its engine.yaml)', whole(1, 1_000))
    .option('--labels <names>', 'what tasks may ask of it by name: gpu,big', names)
    .option('--runtimes <names>', 'only these agents, of those that are there: codex,acp:qwen', runtimes)
    .option('--tenant <name>', 'whose sessions it runs', parseName, 'default')
    .option(
      '--lease-seconds <n>',
      'how long sessions live on without word from Temporal',
      whole(5, 86_400),
      defaultLeaseSeconds,
    )
    .option('--allow-root', 'run as root all the same, on a machine that is thrown away afterwards')
    .option('--metrics-port <n>', 'serve Prometheus metrics on 127.0.0.1 (0: any free port)', parsePort)
    .addOption(logFormatOption())
    .option('--json', 'say that it is up as one JSON object, errors too')
    .addHelpText(
      'after',
      `${examplesHelp([
        'mission host --name build1 --temporal temporal.internal:7233 --installation i0a1b2c3d --slots 4',
        'mission host --name gpu1 --temporal temporal.internal:7233 --installation i0a1b2c3d --labels gpu --runtimes codex',
        'mission host list',
        'mission host drain build1',
      ])}

It needs the Temporal server only: no database. It serves one tenant, under that tenant's Linux user.
Ctrl-C stops it at once: sessions live on, and within the lease its next start takes them up.
SIGUSR2 drains it: it lets what runs end, and then ends itself with exit code 0.`,
    )
    .action(runHost);
  for (const each of [list(), drain()]) host.addCommand(each);
  return host;
}

async function runHost(options: HostOptions): Promise<void> {
  const { name, temporal, installation, json } = options;
  if (name === undefined) throw new Usage('give the host a name with --name');
  if (!temporal) throw new Usage('name the engine’s Temporal server with --temporal');
  if (installation === undefined) {
    throw new Usage('name the engine’s --installation: `mission up` and `mission doctor` tell it');
  }
  const { startHost } = await import('../../workers/host.ts');
  const { createLog } = await import('../../workers/log.ts');
  const { installRuntimeWithMetrics } = await import('../../workers/runtime.ts');
  const log = createLog({ format: options.logFormat });
  const sdkMetricsPort = await installRuntimeWithMetrics(log);
  const { namespace, tenant, slots, labels, leaseSeconds, metricsPort } = options;
  const { data = standardData(name), allowRoot = false } = options;
  const host = await startHost({
    ...{ name, data, temporal, namespace, installation, tenant, slots, labels, leaseSeconds },
    ...{ runtimes: options.runtimes, allowRoot, metricsPort, sdkMetricsPort, log },
  });
  // Before it says that it is up: a signal that nobody hears ends the process.
  process.on('SIGUSR2', () => {
    host.drain().catch((error: unknown) => log.error('it could not be drained', error));
  });
  const { facts, metricsUrl = null } = host;
  const { machine, user, pid } = facts;
  const ready = { ready: true, name, installation, machine, user, pid, slots: facts.slots, metricsUrl };
  const lines = [
    `the host ${name} is up; Ctrl-C stops it, sessions live on`,
    ...(metricsUrl === null ? [] : [`metrics: ${metricsUrl}`]),
  ];
  show(ready, () => lines, json);
  await Promise.race([host.done, askedToStop()]);
  await host.stop();
}

function standardData(name: string): string {
  const state = process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share');
  return join(state, 'mission-hosts', name);
}

function list(): Command {
  return command('list', 'List hosts: what they have, and what has become of them', [
    'mission host list',
    'mission host list --json',
  ]).action(async (_options: unknown, self: Command) => {
    const { api, json } = await apiOf(self);
    const hosts = await api.listHosts();
    show(hosts, () => hostLines(hosts), json);
  });
}

function drain(): Command {
  return mutation('drain', 'Let a host’s sessions end, place nothing new there, and end its process', [
    'mission host drain build1',
  ])
    .argument('<name>')
    .action(async (name: string, _options: unknown, self: Command) => {
      const { api, json } = await apiOf(self);
      await api.drainHost({ name });
      show({ name, draining: true }, () => [`${name} is being drained`], json);
    });
}

const headings = ['name', 'state', 'since', 'slots', 'labels', 'agents', 'lease', 'where'];

export function hostLines(hosts: readonly Host[]): string[] {
  return table([headings, ...hosts.map(cellsOf)]);
}

function cellsOf(host: Host): string[] {
  const { name, state, since, slots, labels, leaseSeconds, user, machine } = host;
  return [
    name,
    state,
    new Date(since).toISOString(),
    String(slots),
    labels.join(',') || '-',
    host.runtimes.map((runtime) => runtime.name).join(',') || '-',
    leaseSeconds === null ? '-' : `${leaseSeconds}s`,
    `${user}@${machine}`,
  ];
}

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (Number.isInteger(number) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`a whole number from ${least} to ${most}`);
  };
}

function names(text: string): string[] {
  return text.split(',').map((name) => parseName(name.trim()));
}

function runtimes(text: string): RuntimeName[] {
  return text.split(',').map((name) => {
    const known = RuntimeName.safeParse(name.trim());
    if (known.success) return known.data;
    throw new InvalidArgumentError(`there are ${agentRuntimes.join(', ')}, and acp:NAME of the roster`);
  });
}
