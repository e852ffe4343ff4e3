/** Installs the agent programs of the conformance tests into the cache, each in its exact version. Needs nothing but Node and npm. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, withLock } from './toolchain.mjs';

/** Versions to take in place of those below, as in `codex=0.166.0 pi=0.85.1`: to record what others print. */
const others = Object.fromEntries(
  (process.env.MISSION_AGENT_VERSIONS ?? '')
    .split(' ')
    .filter((pair) => pair !== '')
    .map((pair) => pair.split('=')),
);

/** `node`: the version of Node that a program needs, where ours is older. */
export const agents = {
  codex: { package: '@openai/codex', version: others.codex ?? '0.169.0' },
  pi: { package: '@earendil-works/pi-coding-agent', version: others.pi ?? '0.87.1', node: '22.23.3' },
  opencode: { package: 'opencode-ai', version: others.opencode ?? '1.18.33' },
  claude: { package: '@anthropic-ai/claude-code', version: others.claude ?? '2.1.330' },
};

/**
 * What runs each of them by the Agent Client Protocol. Opencode does so itself; pi's starts pi; the others bring the
 * program along.
 */
export const adapters = {
  codex: { package: '@agentclientprotocol/codex-acp', version: '2.6.0' },
  pi: { package: 'pi-acp', version: '0.0.34' },
  opencode: undefined,
  claude: { package: '@agentclientprotocol/claude-agent-acp', version: '0.100.0', node: '22.23.3' },
};

/** The folders for PATH in which the program and what it needs are found. */
export function agentFolders(name) {
  return foldersOf(name, agents[name]);
}

/** The same for what speaks the protocol: its adapter, and the program that this one starts. */
export function adapterFolders(name) {
  const adapter = adapters[name];
  const own = adapter === undefined ? [] : foldersOf(`acp-${name}`, adapter);
  return [...own, ...(bringsProgram(name) ? [] : agentFolders(name))];
}

/** Installs a program unless it is there; throws an error of one line when it can't be had. */
export async function installAgent(name, say) {
  if (!(name in agents)) throw new Error(`no agent is called ${name}: ${Object.keys(agents).join(', ')}`);
  return install(name, agents[name], say);
}

export async function installAdapter(name, say) {
  if (!bringsProgram(name)) await installAgent(name, say);
  const adapter = adapters[name];
  if (adapter !== undefined) await install(`acp-${name}`, adapter, say);
}

function bringsProgram(name) {
  return name === 'codex' || name === 'claude';
}

function folderOf(name, { version }) {
  return join(cacheFolder(), 'agents', `${name}-${version}`);
}

function foldersOf(name, agent) {
  const folder = join(folderOf(name, agent), 'node_modules');
  const node = join(folder, `node-${process.platform}-${process.arch}`, 'bin');
  return [join(folder, '.bin'), ...(isOlder(agent.node) ? [node] : [])];
}

async function install(name, agent, say = (line) => process.stderr.write(`${line}\n`)) {
  const folder = folderOf(name, agent);
  const wanted = [
    `${agent.package}@${agent.version}`,
    ...(isOlder(agent.node) ? [`node-${process.platform}-${process.arch}@${agent.node}`] : []),
  ];
  // Half an install looks like a whole one.
  const stamp = join(folder, 'installed');
  await withLock(folder, () => {
    if (existsSync(stamp)) return;
    say(`installing ${wanted.join(' and ')} …`);
    mkdirSync(folder, { recursive: true });
    const args = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--no-save', '--loglevel=error'];
    const result = spawnSync('npm', [...args, ...wanted], { stdio: ['ignore', 2, 2] });
    if (result.status !== 0) throw new Error(`${wanted.join(' and ')} could not be installed: look above`);
    writeFileSync(stamp, '');
  });
}

function isOlder(wanted) {
  if (wanted === undefined) return false;
  return process.versions.node.localeCompare(wanted, 'en', { numeric: true }) < 0;
}
