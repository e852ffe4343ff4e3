/** The agents of this machine: the roster, and what of it runs in tmux. */
import { rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { FleetRefusal, type AgentState } from '../../schema/contracts/fleet.ts';
import { runtimeOf, type Roster, type RosterAgent } from '../../schema/contracts/roster.ts';
import { findOnPath, pathFor, searchPath } from '../processes/find-program.ts';
import { killRun, processesOfRun, processTree } from '../processes/tree.ts';
import { interactiveLaunch } from './interactive.ts';
import { isRunning, runningProgram } from './running.ts';
import { isSessionTerminal } from './session-terminals.ts';
import { createTmux, type Pane, type Tmux } from './tmux.ts';

export interface Fleet {
  roster: Roster;
  tmux: Tmux;
  /** Throws an error that names the agents that there are. */
  agent(name: string): RosterAgent;
  /** Those of these names, or all. */
  agents(names: readonly string[]): RosterAgent[];
  /** `running`: it was there already, and was left as it is. */
  start(agent: RosterAgent): Promise<'started' | 'running'>;
  /** Ends an agent with everything it has started. */
  stop(agent: RosterAgent): Promise<'stopped' | 'not-running'>;
  status(now?: number): Promise<AgentStatus[]>;
}

export interface AgentStatus {
  name: string;
  /** Undefined: it is not in the roster. */
  agent: RosterAgent | undefined;
  state: AgentState;
  pid: number | undefined;
  /** The program that runs, as its processes show it. */
  running: string | undefined;
  writtenAt: number | undefined;
  /** In what it differs from the roster. */
  drift: string | undefined;
}

/** A model that thinks writes at least a clock. Agents that have nothing to do are silent too. */
export const silentAfterMs = 10 * 60_000;

/** A program that can't work says so and ends at once. */
const settleMs = 700;

/** Enough for the error of a program, which seldom stands in its last line. */
const lastLines = 6;

/** Agents keep their conversation when their terminal goes; after this they are ended. */
const goodbyeMs = 3_000;

export function createFleet(of: { roster: Roster; data: string; environment?: NodeJS.ProcessEnv }): Fleet {
  const { roster, data, environment = process.env } = of;
  const folder = join(data, 'fleet');
  const { socketName: socket, holderSession: holder } = roster.tmux;
  const tmux = createTmux({ socket, holder, folder, environment });
  // It asks npm, which takes half a second: once for all agents.
  let searched: Promise<string> | undefined;
  return { roster, tmux, agent, agents, start, stop, status };

  function agent(name: string): RosterAgent {
    const found = roster.agents.find((each) => each.name === name);
    if (found) return found;
    const names = roster.agents.map((each) => each.name).join(', ');
    const has = names === '' ? 'it has no agents' : `it has ${names}`;
    throw new FleetRefusal('not-found', `${name} is not in the roster: ${has}`);
  }

  function agents(names: readonly string[]): RosterAgent[] {
    return names.length === 0 ? roster.agents : names.map(agent);
  }

  function tagOf({ name }: RosterAgent): string {
    return join(folder, name);
  }

  function heartbeatOf({ name }: RosterAgent): string {
    return join(folder, `${name}.heartbeat`);
  }

  async function start(starting: RosterAgent): Promise<'started' | 'running'> {
    const { name, runtime } = starting;
    if (await tmux.has(name)) return 'running';
    const own = runtimeOf(roster, runtime).env['PATH'];
    searched ??= searchPath(environment);
    const path = await pathFor({ own, searched: await searched });
    const program = await findOnPath(runtime, path);
    if (program === undefined)
      throw new FleetRefusal('conflict', `${name}: ${runtime} is not found: look at mission fleet verify`);
    const home = environment['HOME'] ?? homedir();
    const tag = tagOf(starting);
    const launch = interactiveLaunch({ roster, agent: starting, program, path, home, tag, environment });
    if (!(await isFolder(launch.cwd)))
      throw new FleetRefusal('conflict', `${name}: there is no folder ${launch.cwd}: make it`);
    await tmux.start({ name, ...launch, stays: true, heartbeat: heartbeatOf(starting) });
    await setTimeout(settleMs);
    const said = await tmux.endedWith(name);
    if (said === undefined) return 'started';
    const why =
      said.length === 0 ? `run it in ${launch.cwd} to see why` : said.slice(-lastLines).join('\n  ');
    throw new FleetRefusal('conflict', `${name}: ${program} ended at once: ${why}`);
  }

  async function stop(stopping: RosterAgent): Promise<'stopped' | 'not-running'> {
    const wasThere = await tmux.has(stopping.name);
    await tmux.stop(stopping.name);
    const until = Date.now() + goodbyeMs;
    while (processesOfRun(tagOf(stopping)).length > 0 && Date.now() < until) await setTimeout(50);
    // What it has started may be in a session of its own, and goes on writing.
    killRun(tagOf(stopping));
    await rm(heartbeatOf(stopping), { force: true });
    return wasThere ? 'stopped' : 'not-running';
  }

  async function status(now = Date.now()): Promise<AgentStatus[]> {
    const all = await tmux.panes();
    const panes = all.filter(({ session }) => session !== holder && !isSessionTerminal(session));
    const known = roster.agents.map((each) =>
      statusOf({
        name: each.name,
        agent: each,
        now,
        pane: panes.find(({ session }) => session === each.name),
      }),
    );
    const others = panes.filter(({ session }) => !roster.agents.some(({ name }) => name === session));
    const unlisted = others.map((pane) => statusOf({ name: pane.session, agent: undefined, pane, now }));
    return [...known, ...unlisted];
  }
}

function statusOf(of: {
  name: string;
  agent: RosterAgent | undefined;
  pane: Pane | undefined;
  now: number;
}): AgentStatus {
  const { name, agent, pane, now } = of;
  if (pane === undefined) {
    const nothing = { pid: undefined, running: undefined, writtenAt: undefined, drift: undefined };
    return { name, agent, state: 'stopped', ...nothing };
  }
  const { pid, writtenAt } = pane;
  const running = runningProgram(processTree(pid)) ?? pane.command;
  const state = now - writtenAt > silentAfterMs ? 'silent' : 'healthy';
  return { name, agent, state, pid, running, writtenAt, drift: driftOf(agent, running) };
}

function driftOf(agent: RosterAgent | undefined, running: string): string | undefined {
  if (agent === undefined) return 'is not in the roster';
  return isRunning(agent.runtime, running) ? undefined : `runs ${running}, not ${agent.runtime}`;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
