/** Looks at what a roster stands on: the programs of its runtimes, tmux, and the folders where its agents work. */
import { stat } from 'node:fs/promises';
import { createFindProgram, type FindProgram } from '../activities/processes/find-program.ts';
import { judgeVersion, versionMs, versionOf } from '../activities/processes/program-version.ts';
import { runtimes } from '../activities/sessions/runtimes/runtimes.ts';
import type { AgentRuntime } from '../schema/contracts/agent.ts';
import type { Probed, ProbeState } from '../schema/contracts/probe.ts';
import { agentClasses, runtimesOf, workingDirectoryOf, type Roster } from '../schema/contracts/roster.ts';
import { nearest } from './nearest.ts';
import type { RosterFile } from './roster-file.ts';

/** What npm installs a runtime from. Its program is called as the runtime is. */
const packages: Record<AgentRuntime, string> = {
  claude: '@anthropic-ai/claude-code',
  codex: '@openai/codex',
  opencode: 'opencode-ai',
  pi: '@earendil-works/pi-coding-agent',
};

interface Look {
  find: FindProgram;
  withinMs: number;
}

export async function probeFleet(file: RosterFile, of: Partial<Look> = {}): Promise<Probed[]> {
  const { roster } = file;
  const look = { find: createFindProgram(), withinMs: versionMs, ...of };
  const probed = await Promise.all([
    probeFile(file),
    ...runtimesOf(roster).map((runtime) => probeRuntime(roster, runtime, look)),
    ...(roster.transport === 'tmux' ? [probeTmux(roster, look)] : []),
    ...foldersOf(roster).map(probeFolder),
  ]);
  return [...probed, ...doubtfulClasses(roster)];
}

async function probeFile({ path, found, roster }: RosterFile): Promise<Probed> {
  const name = 'roster';
  if (!found) {
    const message = `there is no ${path}, so the fleet has no agents: write one with \`mission fleet init\``;
    return { name, state: 'warning', message };
  }
  const hasEnvironment = Object.values(roster.runtimes).some(({ env }) => Object.keys(env).length > 0);
  if (hasEnvironment && ((await stat(path)).mode & 0o077) !== 0) {
    const message = `others may read the environment in it: chmod 600 ${path}`;
    return { name, state: 'warning', message };
  }
  return { name, state: 'ok', message: path };
}

async function probeRuntime(roster: Roster, name: AgentRuntime, look: Look): Promise<Probed> {
  // A runtime that is only described keeps nobody from working.
  const state: ProbeState = roster.agents.some(({ runtime }) => runtime === name) ? 'failed' : 'warning';
  const remedy = `npm install --global ${packages[name]}`;
  const path = await look.find(name);
  if (path === undefined) {
    const places = 'on PATH, in ~/.npm-global/bin, in ~/.local/bin and at npm’s prefix';
    return { name, state, message: `not found ${places}: ${remedy}` };
  }
  const { args, pattern, from, before } = runtimes[name].version;
  const version = await versionOf(path, { args, pattern, withinMs: look.withinMs });
  if (version === undefined) {
    return { name, state, message: `${path} ${args.join(' ')} tells no version: install it anew, ${remedy}` };
  }
  const verdict = judgeVersion(version, { from, before });
  if (!('says' in verdict)) return { name, state: 'ok', message: `${version} at ${path}` };
  // Missions are refused for what is older, whoever else uses it.
  const found = verdict.kind === 'older' ? 'failed' : 'warning';
  return { name, state: found, message: `${version} at ${path} is ${verdict.says}` };
}

async function probeTmux(roster: Roster, look: Look): Promise<Probed> {
  const name = 'tmux';
  const path = await look.find('tmux');
  const version =
    path === undefined
      ? undefined
      : await versionOf(path, { args: ['-V'], pattern: /(\d+\.\d+\w*)/, withinMs: look.withinMs });
  if (version !== undefined) return { name, state: 'ok', message: `${version} at ${path ?? ''}` };
  const state = roster.agents.length > 0 ? 'failed' : 'warning';
  return { name, state, message: 'not found on PATH: install tmux, or set transport: process' };
}

interface Folder {
  path: string;
  agents: string[];
}

function foldersOf(roster: Roster): Folder[] {
  const folders = new Map<string, Folder>();
  for (const agent of roster.agents) {
    const path = workingDirectoryOf(roster, agent);
    const folder = folders.get(path) ?? { path, agents: [] };
    folder.agents.push(agent.name);
    folders.set(path, folder);
  }
  return [...folders.values()];
}

async function probeFolder({ path, agents }: Folder): Promise<Probed> {
  const name = 'directory';
  const of = `where ${agents.join(', ')} would work`;
  try {
    if ((await stat(path)).isDirectory()) return { name, state: 'ok', message: path };
    return { name, state: 'failed', message: `${path} is no folder, ${of}: name another one` };
  } catch {
    return { name, state: 'failed', message: `${path} can not be seen, ${of}: mkdir -p ${path}` };
  }
}

/** A class of the operator's own is right, unless it looks like one of ours misspelt. */
function doubtfulClasses(roster: Roster): Probed[] {
  const own = roster.agents.filter((agent) => !agentClasses.some((known) => known === agent.class));
  return own.flatMap((agent): Probed[] => {
    const meant = nearest(agent.class, agentClasses);
    if (meant === undefined) return [];
    const message = `${agent.name} is a ${agent.class}: did you mean ${meant}?`;
    return [{ name: 'class', state: 'warning', message }];
  });
}
