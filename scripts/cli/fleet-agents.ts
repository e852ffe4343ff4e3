/** The commands of `mission fleet` that start, stop and show its agents. */
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { AgentStatus } from '../../activities/fleet/fleet.ts';
import { installUnits } from '../../activities/fleet/install-units.ts';
import { bootOf, type Boot } from '../../activities/fleet/systemd.ts';
import { createFindProgram } from '../../activities/processes/find-program.ts';
import { packageRoot } from '../../schema/package-root.ts';
import { command } from './command.ts';
import { ageOf, forEach, openFleet, type Done } from './open-fleet.ts';
import { exitCodes, show } from './output.ts';
import { table } from './table.ts';

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
    'Show each agent: whether it runs, what runs, and in what that differs from the roster',
    ['mission fleet ps', 'mission fleet ps --json'],
  ).action(async ({ data, json }: Options) => {
    const fleet = await openFleet(data);
    const now = Date.now();
    const host = hostname();
    const hasSystemd = (await createFindProgram()('systemctl')) !== undefined;
    const agents = await Promise.all(
      (await fleet.status(now)).map(async ({ agent, ...rest }) => {
        const boot = hasSystemd && agent !== undefined ? await bootOf(rest.name) : undefined;
        return { host, ...rest, runtime: agent?.runtime, class: agent?.class, boot };
      }),
    );
    const socket = fleet.roster.tmux.socketName;
    show({ host, socket, agents }, () => table(rowsOf(agents, { now, hasSystemd })), json);
  });
}

type Shown = Omit<AgentStatus, 'agent'> & {
  host: string;
  runtime: string | undefined;
  class: string | undefined;
  boot: Boot | undefined;
};

function rowsOf(agents: readonly Shown[], of: { now: number; hasSystemd: boolean }): string[][] {
  const heads = ['HOST', 'AGENT', 'RUNTIME', 'CLASS', 'STATE', 'RUNS', 'PID', 'WROTE'];
  const rows = agents.map((each) => [
    each.host,
    each.name,
    each.runtime ?? '-',
    each.class ?? '-',
    each.state,
    each.running ?? '-',
    String(each.pid ?? '-'),
    ageOf(each.writtenAt, of.now),
    ...(of.hasSystemd ? [each.boot ?? '-'] : []),
    each.drift ?? '',
  ]);
  return [[...heads, ...(of.hasSystemd ? ['BOOT'] : []), 'DRIFT'], ...rows];
}

const whichAgents = 'agents of the roster; without them all';

function start(): Command {
  return command('start', 'Start agents in the fleet’s tmux', [
    'mission fleet start',
    'mission fleet start coder0 coder1',
  ])
    .argument('[agents...]', whichAgents)
    .action(async (names: string[], { data, json }: Options) => {
      const fleet = await openFleet(data);
      tell(await forEach(fleet.agents(names), (agent) => fleet.start(agent)), json);
    });
}

function stop(): Command {
  return command('stop', 'Stop agents, with everything they have started', [
    'mission fleet stop',
    'mission fleet stop coder0',
  ])
    .argument('[agents...]', whichAgents)
    .action(async (names: string[], { data, json }: Options) => {
      const fleet = await openFleet(data);
      tell(await forEach(fleet.agents(names), (agent) => fleet.stop(agent)), json);
    });
}

function restart(): Command {
  return command('restart', 'Stop agents and start them afresh; the tmux server stays as it is', [
    'mission fleet restart coder0',
  ])
    .argument('[agents...]', whichAgents)
    .action(async (names: string[], { data, json }: Options) => {
      const fleet = await openFleet(data);
      const restarted = await forEach(fleet.agents(names), async (agent) => {
        await fleet.stop(agent);
        return fleet.start(agent);
      });
      tell(restarted, json);
    });
}

function installSystemd(): Command {
  return command(
    'install-systemd',
    'Write systemd units of your own that bring the tmux server and the agents back after a reboot',
    ['mission fleet install-systemd'],
  ).action(async ({ data, json }: Options) => {
    const { roster } = await openFleet(data);
    const mission = [process.execPath, join(packageRoot(), 'scripts/mission.mjs')];
    const steps = await installUnits({ roster, data: resolve(data), mission });
    show(steps, () => table(steps.map(({ what, state, message }) => [what, state, message])), json);
  });
}

function tell(all: readonly Done[], json: boolean | undefined): void {
  show(all, () => table(all.map(({ name, done, message }) => [name, done, message ?? ''])), json);
  if (all.some(({ done }) => done === 'failed')) process.exitCode = exitCodes.failed;
}
