/** Installs the agent programs of the conformance tests into the cache, each in its exact version. Needs nothing but Node and npm. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, withLock } from './toolchain.mjs';

/** `node`: the version of Node that a program needs, where ours is older. */
export const agents = {
  codex: { package: '@openai/codex', version: '0.169.0' },
  pi: { package: '@earendil-works/pi-coding-agent', version: '0.87.1', node: '22.23.3' },
  opencode: { package: 'opencode-ai', version: '1.18.33' },
  claude: { package: '@anthropic-ai/claude-code', version: '2.1.330' },
};

/** The folders for PATH in which the program and what it needs are found. */
export function agentFolders(name) {
  const folder = join(cacheFolder(), 'agents', `${name}-${agents[name].version}`, 'node_modules');
  const { node } = agents[name];
  return [
    join(folder, '.bin'),
    ...(isOlder(node) ? [join(folder, `node-${process.platform}-${process.arch}`, 'bin')] : []),
  ];
}

/** Installs a program unless it is there; throws an error of one line when it can't be had. */
export async function installAgent(name, say = (line) => process.stderr.write(`${line}\n`)) {
  if (!(name in agents)) throw new Error(`no agent is called ${name}: ${Object.keys(agents).join(', ')}`);
  const agent = agents[name];
  const folder = join(cacheFolder(), 'agents', `${name}-${agent.version}`);
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
