/** Which agent programs this machine has, and how the operator wants them run. */
import { homedir } from 'node:os';
import { isAbsolute } from 'node:path';
import { agentRuntimes, type AgentRuntime, type ChosenAgent } from '../../schema/contracts/agent.ts';
import { acpAgentOf, runtimeOf, type Roster } from '../../schema/contracts/roster.ts';
import { findOnPath, pathFor, searchPath } from '../processes/find-program.ts';
import { createVersions } from '../processes/program-version.ts';
import { adapters, createAcp } from './runtimes/acp.ts';
import type { Driver, Runtime, RuntimeSettings } from './runtimes/runtime.ts';

export interface Agent {
  runtime: Driver;
  settings: RuntimeSettings;
  /** Where the program lies. */
  program: string;
  /**
   * The PATH of its sessions: what the roster gives it, then where programs are installed. A service's own is shorter
   * than that of the person who has installed them.
   */
  path: string;
}

/** Who of all that missions may name. */
type Named = Pick<ChosenAgent, 'runtime' | 'agent'>;

/** `absent`: its program is not on this machine, or the roster does not know it. */
export type FoundAgent = { kind: 'found'; agent: Agent } | { kind: 'absent'; message: string };

export interface Agents {
  /** All that could be here: the runtimes, and the agents that the roster names. */
  known: readonly Named[];
  find(named: Named): Promise<FoundAgent>;
  /** What it tells of its version: asked once for each program file, and remembered. Undefined: nothing, or no program. */
  version(named: Named): Promise<string | undefined>;
  /** The home of whoever runs the engine: there are the programs' logins. */
  home: string;
}

export function createAgents(deps: {
  runtimes: Readonly<Record<AgentRuntime, Runtime>>;
  roster: Roster;
  /** Our client of the Agent Client Protocol, as it was built. */
  acpClient: string;
  environment?: NodeJS.ProcessEnv;
}): Agents {
  const { runtimes, roster, acpClient, environment = process.env } = deps;
  let found: Promise<string> | undefined;
  const known: Named[] = agentRuntimes.map((runtime) => ({ runtime }));
  for (const agent of Object.keys(roster.acp ?? {})) known.push({ runtime: 'acp', agent });
  const versions = createVersions();
  return { known, find, version, home: environment['HOME'] ?? homedir() };

  async function find({ runtime, agent }: Named): Promise<FoundAgent> {
    if (runtime === 'acp') return findNamed(agent);
    if (agent === undefined) return findOwn(runtime);
    return { kind: 'absent', message: `agent goes with the runtime acp, and not with ${runtime}` };
  }

  function findOwn(name: AgentRuntime): Promise<FoundAgent> {
    const settings = runtimeOf(roster, name);
    if (settings.driver !== 'acp') return locate(name, { name, runtime: runtimes[name], settings });
    const { adapter: command = adapters[name].command, mode = adapters[name].mode, permissions } = settings;
    const runtime = createAcp({
      client: acpClient,
      adapter: { ...adapters[name], command, ...(mode === undefined ? {} : { mode }) },
      permissions,
      homeEnvironment: (home) => runtimes[name].homeEnvironment(home),
    });
    return locate(command[0], { name: `${command[0] ?? ''}, which runs ${name} by ACP,`, runtime, settings });
  }

  function findNamed(name: string | undefined): Promise<FoundAgent> | FoundAgent {
    if (name === undefined) return { kind: 'absent', message: 'the runtime acp needs an agent' };
    const named = acpAgentOf(roster, name);
    if (!named) return { kind: 'absent', message: `acp:${name} is not in the roster of this host` };
    const { command, mode, permissions, env, model, account = name } = named;
    const runtime = createAcp({
      client: acpClient,
      adapter: { command, ...(mode === undefined ? {} : { mode }) },
      permissions,
      // Where its login is, nobody knows but the operator.
      homeEnvironment: () => ({}),
    });
    return locate(command[0], {
      name: command[0] ?? '',
      runtime,
      settings: { args: [], env, model, account },
    });
  }

  async function locate(
    program: string | undefined,
    of: { name: string; runtime: Driver; settings: RuntimeSettings },
  ): Promise<FoundAgent> {
    const { name, runtime, settings } = of;
    const path = await pathOf(settings);
    const where = await findOnPath(program ?? '', isAbsolute(program ?? '') ? '/' : path);
    if (where === undefined) return { kind: 'absent', message: `${name} is not on this host` };
    return { kind: 'found', agent: { runtime, settings, program: where, path } };
  }

  async function version(named: Named): Promise<string | undefined> {
    const asked = await find(named);
    if (asked.kind === 'absent' || !asked.agent.runtime.version) return undefined;
    return versions(asked.agent.program, asked.agent.runtime.version).catch(() => undefined);
  }

  async function pathOf({ env }: RuntimeSettings): Promise<string> {
    found ??= searchPath(environment);
    return pathFor({ own: env['PATH'], searched: await found });
  }
}
