/** Looks at the fleet of a data directory, and tells it what to do; the same for the commands and for the API. */
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { dataPaths } from '../activities/data-paths.ts';
import { createFleet, type AgentStatus, type Fleet } from '../activities/fleet/fleet.ts';
import { resetAgent, sendMessage } from '../activities/fleet/messages.ts';
import { listSessions, readSession, type MissionSession } from '../activities/fleet/mission-sessions.ts';
import { sessionLines } from '../activities/fleet/session-log.ts';
import { isSession, sessionTerminal } from '../activities/fleet/session-terminals.ts';
import { bootOf } from '../activities/fleet/systemd.ts';
import { written } from '../activities/fleet/tail.ts';
import type { Tmux } from '../activities/fleet/tmux.ts';
import { KeyedLock } from '../activities/keyed-lock.ts';
import { createFindProgram } from '../activities/processes/find-program.ts';
import { createScrub, rosterSecrets } from '../activities/scrub.ts';
import {
  FleetRefusal,
  type AgentView,
  type Done,
  type FleetAction,
  type FleetDesk,
  type SessionView,
} from '../schema/contracts/fleet.ts';
import { runtimeOf, workingDirectoryOf, type Roster, type RosterAgent } from '../schema/contracts/roster.ts';
import { probeFleet } from './fleet-probes.ts';
import { readRosterFile, rosterPath, type RosterFile } from './roster-file.ts';

/** As far back as a tail reaches: more is asked of nobody's terminal. */
const history = 2_000;

/** The fleet of a data directory, if its agents run in tmux. */
export async function openFleet(data: string): Promise<Fleet> {
  return fleetOf(await readRoster(data), data);
}

/** The terminal of an agent that runs, or of a session that has one. */
export async function openTerminal(
  data: string,
  name: string,
): Promise<Pick<Fleet, 'tmux' | 'roster'> & { terminal: string }> {
  if (isSession(name)) return openSessionTerminal(data, name);
  const fleet = await openFleet(data);
  fleet.agent(name);
  if (await fleet.tmux.has(name)) return { ...fleet, terminal: name };
  const remedy = `start it with \`mission fleet start ${name}\``;
  throw new FleetRefusal('conflict', `${name} does not run: ${remedy}`);
}

async function openSessionTerminal(data: string, session: string): ReturnType<typeof openTerminal> {
  const { state } = await sessionOf(data, session);
  const { tmux, roster } = await sessionFleet(data);
  const terminal = sessionTerminal({ session, data });
  if ((await terminalsOf(tmux)).has(terminal)) return { tmux, roster, terminal };
  const why = state === 'ended' ? 'has ended' : 'has no terminal';
  const remedy = `read what it told with \`mission agent tail ${session}\``;
  throw new FleetRefusal('conflict', `the session ${session} ${why}: ${remedy}`);
}

/** Sessions have terminals without a roster too, and keep them when it changes. */
async function sessionFleet(data: string): Promise<Fleet> {
  const { roster } = await readRoster(data);
  return createFleet({ roster, data: resolve(data) });
}

/** None where there is no tmux: sessions run without. */
async function terminalsOf(tmux: Tmux): Promise<ReadonlySet<string>> {
  const panes = await tmux.panes().catch(() => []);
  return new Set(panes.map(({ session }) => session));
}

/** The roster is read at each call: whoever has changed it starts nothing anew for that. */
export function createFleetDesk(of: { data: string; tenant: string }): FleetDesk {
  const data = resolve(of.data);
  const paths = dataPaths(data);
  const { sessions } = paths;
  const where = { tenant: of.tenant, host: hostname() };
  // Two messages at once would become one, and a message to an agent that is being started would be lost.
  const busy = new KeyedLock();
  return { ps, verify, roster, act, status, tail, screen, send, reset };

  async function ps({ ended }: { ended: boolean }) {
    const file = await readRoster(data);
    const now = Date.now();
    const systemd = (await createFindProgram()('systemctl')) !== undefined;
    const inTmux = file.found && file.roster.transport === 'tmux';
    const agents = inTmux ? await fleetOf(file, data).status(now) : [];
    const { socketName: socket } = file.roster.tmux;
    return {
      ...{ ...where, socket, systemd },
      agents: await Promise.all(agents.map((agent) => viewOf(agent, systemd))),
      sessions: await viewSessions(await listSessions({ sessions, ended, now })),
    };
  }

  async function verify() {
    const file = await readRoster(data);
    return { path: file.path, found: file.found, probes: await probeFleet(file) };
  }

  async function roster() {
    const { roster: read } = await readRoster(data);
    return read.agents.map((agent) => ({
      ...agent,
      workingDirectory: workingDirectoryOf(read, agent),
      resetCommand: runtimeOf(read, agent.runtime).resetCommand,
    }));
  }

  async function act({ action, agents }: { action: FleetAction; agents: string[] }): Promise<Done[]> {
    const fleet = await openFleet(data);
    const done: Done[] = [];
    for (const agent of fleet.agents(agents)) {
      const { name } = agent;
      try {
        done.push({ name, done: await busy.with(name, () => actOn(fleet, agent, action)) });
      } catch (error) {
        const said = error instanceof Error ? error.message : String(error);
        done.push({ name, done: 'failed', message: scrubOf(fleet.roster)(said) });
      }
    }
    return done;
  }

  async function status(name: string): Promise<AgentView | SessionView> {
    if (isSession(name)) return viewSession(await sessionOf(data, name), await sessionTerminals());
    const fleet = await openFleet(data);
    fleet.agent(name);
    const found = (await fleet.status()).find((each) => each.name === name);
    if (found === undefined) throw new FleetRefusal('conflict', `${name} can not be seen: look again`);
    return viewOf(found, (await createFindProgram()('systemctl')) !== undefined);
  }

  async function tail({ name, lines }: { name: string; lines: number }): Promise<string[]> {
    if (isSession(name)) {
      const { runtime } = await sessionOf(data, name);
      const told = await sessionLines({ folder: paths.session(name), runtime });
      const { roster: read } = await readRoster(data);
      return told.slice(-lines).map(scrubOf(read));
    }
    const { tmux, roster: read } = await openTerminal(data, name);
    return written(await tmux.capture({ name, history }))
      .slice(-lines)
      .map(scrubOf(read));
  }

  async function screen(name: string) {
    const { tmux, roster: read, terminal } = await openTerminal(data, name);
    const { lines, cursor } = await tmux.screen(terminal);
    return { lines: lines.map(scrubOf(read)), cursor };
  }

  async function send(of: { name: string; source: string; text: string; verify: boolean }) {
    const { name, ...message } = of;
    refuseSession(name, 'takes no messages: give its task guidance, or amend the mission');
    return busy.with(name, async () => {
      const { tmux } = await openTerminal(data, name);
      return sendMessage({ tmux, target: name, ...message });
    });
  }

  async function reset(name: string) {
    refuseSession(name, 'can not be reset: the mission decides what comes after it');
    const fleet = await openFleet(data);
    const agent = fleet.agent(name);
    return busy.with(name, () => resetAgent({ fleet, agent, templates: join(data, 'templates') }));
  }

  async function sessionTerminals(): Promise<ReadonlySet<string>> {
    return terminalsOf((await sessionFleet(data)).tmux);
  }

  async function viewSessions(found: readonly MissionSession[]): Promise<SessionView[]> {
    const terminals = found.length === 0 ? new Set<string>() : await sessionTerminals();
    return found.map((each) => viewSession(each, terminals));
  }

  function viewSession(of: MissionSession, terminals: ReadonlySet<string>): SessionView {
    const { writtenAt, ...rest } = of;
    const terminal = sessionTerminal({ session: of.session, data });
    return {
      ...{ ...where, ...rest, ...writtenOf(writtenAt) },
      ...(terminals.has(terminal) ? { terminal } : {}),
    };
  }

  async function viewOf(of: AgentStatus, systemd: boolean): Promise<AgentView> {
    const { agent, name, state, pid, running: program, writtenAt, drift } = of;
    return {
      ...{ ...where, name, state },
      ...(agent === undefined ? {} : { runtime: agent.runtime, class: agent.class }),
      ...(pid === undefined ? {} : { pid }),
      ...(program === undefined ? {} : { running: program }),
      ...writtenOf(writtenAt),
      ...(agent !== undefined && systemd ? { boot: await bootOf(name) } : {}),
      ...(drift === undefined ? {} : { drift }),
    };
  }
}

async function actOn(fleet: Fleet, agent: RosterAgent, action: FleetAction): Promise<Done['done']> {
  switch (action) {
    case 'start':
      return fleet.start(agent);
    case 'stop':
      return fleet.stop(agent);
    case 'restart':
      await fleet.stop(agent);
      return fleet.start(agent);
  }
}

async function readRoster(data: string): Promise<RosterFile> {
  return readRosterFile(rosterPath(resolve(data))).catch((error: unknown) => {
    throw new FleetRefusal('conflict', error instanceof Error ? error.message : String(error));
  });
}

function fleetOf({ path, found, roster }: RosterFile, data: string): Fleet {
  if (!found)
    throw new FleetRefusal('conflict', `there is no ${path}: write one with \`mission fleet init\``);
  if (roster.transport === 'tmux') return createFleet({ roster, data: resolve(data) });
  const how = `run without a terminal (transport: ${roster.transport}): set tmux`;
  throw new FleetRefusal('conflict', `the agents of ${path} ${how}`);
}

async function sessionOf(data: string, session: string): Promise<MissionSession> {
  const { sessions } = dataPaths(resolve(data));
  const found = await readSession({ sessions, session, now: Date.now() });
  if (found !== undefined) return found;
  throw new FleetRefusal('not-found', `there is no session ${session} on this machine`);
}

function refuseSession(name: string, why: string): void {
  if (isSession(name)) throw new FleetRefusal('conflict', `${name} is a mission’s session: it ${why}`);
}

function writtenOf(at: number | undefined): { writtenAt?: string } {
  return at === undefined ? {} : { writtenAt: new Date(at).toISOString() };
}

/** A program may print what its environment holds. */
function scrubOf(roster: Roster): (text: string) => string {
  return createScrub(process.env, rosterSecrets(roster));
}
