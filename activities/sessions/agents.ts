/** Which agent programs this machine has, and how the operator wants them run. */
import { homedir } from 'node:os';
import type { AgentRuntime } from '../../schema/contracts/agent.ts';
import { runtimeOf, type Roster } from '../../schema/contracts/roster.ts';
import { findOnPath, pathFor, searchPath } from '../processes/find-program.ts';
import { createVersions } from '../processes/program-version.ts';
import type { Runtime, RuntimeSettings } from './runtimes/runtime.ts';

export interface Agent {
  runtime: Runtime;
  settings: RuntimeSettings;
  /** Where the program lies. */
  program: string;
}

export interface Agents {
  /** Undefined where the program is not on this machine. */
  find(name: AgentRuntime): Promise<Agent | undefined>;
  /** What it tells of its version: asked once for each program file, and remembered. Undefined: nothing, or no program. */
  version(name: AgentRuntime): Promise<string | undefined>;
  /**
   * The PATH of a runtime's sessions: what the roster gives it, then where programs are installed. A service's own is
   * shorter than that of the person who has installed them.
   */
  path(name: AgentRuntime): Promise<string>;
  /** The home of whoever runs the engine: there are the programs' logins. */
  home: string;
}

export function createAgents(deps: {
  runtimes: Readonly<Record<AgentRuntime, Runtime>>;
  roster: Roster;
  environment?: NodeJS.ProcessEnv;
}): Agents {
  const { runtimes, roster, environment = process.env } = deps;
  let found: Promise<string> | undefined;
  const versions = createVersions();
  return { find, version, path, home: environment['HOME'] ?? homedir() };

  async function find(name: AgentRuntime): Promise<Agent | undefined> {
    const program = await findOnPath(name, await path(name));
    return program === undefined
      ? undefined
      : { runtime: runtimes[name], program, settings: runtimeOf(roster, name) };
  }

  async function version(name: AgentRuntime): Promise<string | undefined> {
    const agent = await find(name);
    return agent && versions(agent.program, agent.runtime.version).catch(() => undefined);
  }

  async function path(name: AgentRuntime): Promise<string> {
    found ??= searchPath(environment);
    return pathFor({ own: runtimeOf(roster, name).env['PATH'], searched: await found });
  }
}
