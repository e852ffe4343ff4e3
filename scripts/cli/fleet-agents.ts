/** The commands of `mission fleet` that start, stop and show its agents. */
import type { Command } from 'commander';
import type { Done, FleetAction, FleetView } from '../../schema/contracts/fleet.ts';
import { command } from './command.ts';
import { installFleet, stepLines } from './install-fleet.ts';
import { openDesk } from './open-desk.ts';
import { exitCodes, show } from './output.ts';
import { ageOf, table } from './table.ts';

interface Options {
  data: string;
  json?: boolean;
}

export function fleetAgentCommands(): Command[] {
  return [ps(), start(), stop(), restart(), installSystemd()];
}

function ps(): Command {
  return command(
    'ps',
    'Show each agent and each session of a mission: whether it works, what runs, and in what that differs from the roster',
    ['mission fleet ps', 'mission fleet ps --ended --json'],
  )
    .option('--ended', 'also the sessions of missions that have ended or are lost')
    .action(async ({ data, json, ended = false }: Options & { ended?: boolean }) => {
      const fleet = await openDesk(data).ps({ ended });
      show(fleet, () => table(rowsOf(fleet, Date.now())), json);
    });
}

function rowsOf({ agents, sessions, systemd }: FleetView, now: number): string[][] {
  const boot = (cell: string): string[] => (systemd ? [cell] : []);
  const heads = ['TENANT', 'HOST', 'AGENT', 'RUNTIME', 'CLASS', 'STATE', 'RUNS', 'PID', 'WROTE'];
  return [
    [...heads, ...boot('BOOT'), 'DRIFT'],
    ...agents.map((each) => [
      ...[each.tenant, each.host, each.name, each.runtime ?? '-', each.class ?? '-'],
      ...cellsOf(each, now),
      ...boot(each.boot ?? '-'),
      each.drift ?? '',
    ]),
    // A session's id names its mission and its task.
    ...sessions.map((each) => [
      ...[each.tenant, each.host, each.session, each.runtime, each.role],
      ...cellsOf(each, now),
      ...boot('-'),
      '',
    ]),
  ];
}

function cellsOf(of: FleetView['agents' | 'sessions'][number], now: number): string[] {
  const { state, running = '-', pid, writtenAt } = of;
  return [state, running, String(pid ?? '-'), ageOf(writtenAt, now)];
}

const whichAgents = 'agents of the roster; without them all';

function start(): Command {
  return command('start', 'Start agents in the fleet’s tmux', [
    'mission fleet start',
    'mission fleet start coder0 coder1',
  ])
    .argument('[agents...]', whichAgents)
    .action((agents: string[], options: Options) => act('start', agents, options));
}

function stop(): Command {
  return command('stop', 'Stop agents, with everything they have started', [
    'mission fleet stop',
    'mission fleet stop coder0',
  ])
    .argument('[agents...]', whichAgents)
    .action((agents: string[], options: Options) => act('stop', agents, options));
}

function restart(): Command {
  return command('restart', 'Stop agents and start them afresh; the tmux server stays as it is', [
    'mission fleet restart coder0',
  ])
    .argument('[agents...]', whichAgents)
    .action((agents: string[], options: Options) => act('restart', agents, options));
}

async function act(action: FleetAction, agents: string[], { data, json }: Options): Promise<void> {
  tell(await openDesk(data).act({ action, agents }), json);
}

function installSystemd(): Command {
  return command(
    'install-systemd',
    'Write systemd units of your own that bring the tmux server and the agents back after a reboot',
    ['mission fleet install-systemd'],
  ).action(async ({ data, json }: Options) => {
    const steps = await installFleet(data);
    show(steps, () => stepLines(steps), json);
  });
}

function tell(all: readonly Done[], json: boolean | undefined): void {
  show(all, () => table(all.map(({ name, done, message }) => [name, done, message ?? ''])), json);
  if (all.some(({ done }) => done === 'failed')) process.exitCode = exitCodes.failed;
}
