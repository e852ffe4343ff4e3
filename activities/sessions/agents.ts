/** Which agent programs this machine has, and where. */
import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { AgentRuntime } from '../../schema/contracts/agent.ts';
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
  /** Where programs are looked for, as the PATH of a session. */
  path(): Promise<string>;
  home: string;
}

const noSettings: RuntimeSettings = { args: [], env: {} };

export function createAgents(deps: {
  runtimes: Readonly<Partial<Record<AgentRuntime, Runtime>>>;
  settings?: Readonly<Partial<Record<AgentRuntime, RuntimeSettings>>>;
  home?: string;
}): Agents {
  const { runtimes, settings = {}, home = homedir() } = deps;
  return { find, path, home };

  async function find(name: AgentRuntime): Promise<Agent | undefined> {
    const runtime = runtimes[name];
    if (!runtime) return undefined;
    const program = await findProgram(name, await path());
    return program === undefined ? undefined : { runtime, program, settings: settings[name] ?? noSettings };
  }

  function path(): Promise<string> {
    return searchPath(home);
  }
}

/**
 * PATH, and the folders into which npm and others install programs for one person: services and detached terminals
 * often lack them.
 */
export async function searchPath(home: string): Promise<string> {
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...(await npmPrefixes(home)).map((prefix) => join(prefix, 'bin')),
    dirname(process.execPath),
    join(home, '.npm-global/bin'),
    join(home, '.local/bin'),
  ];
  return [...new Set(folders.filter((folder) => folder !== ''))].join(delimiter);
}

async function npmPrefixes(home: string): Promise<string[]> {
  const config = await readFile(join(home, '.npmrc'), 'utf8').catch(() => '');
  const written = /^\s*prefix\s*=\s*(.+?)\s*$/m.exec(config)?.[1];
  return [process.env['NPM_CONFIG_PREFIX'], process.env['npm_config_prefix'], written]
    .filter((prefix) => prefix !== undefined)
    .map((prefix) => prefix.replace(/^(?:~|\$\{HOME\})(?=\/|$)/, home));
}

export async function findProgram(name: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter)) {
    const candidate = join(folder, name);
    if (await isProgram(candidate)) return candidate;
  }
  return undefined;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
