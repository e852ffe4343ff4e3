import { spawnSync } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Command } from 'commander';
import { exists } from '../../activities/files.ts';
import { readAddress } from '../../workers/data-directory.ts';
import { findOnPath } from '../toolchain.mjs';
import { dataOption, exitCodes, show } from './output.ts';

interface Check {
  name: string;
  state: 'ok' | 'warning' | 'failed';
  message: string;
}

/** A mission's clones, logs and histories need room; below this an engine would soon stop in the middle. */
const leastFreeBytes = 1024 ** 3;

/** Each probe gets this long: a probe that hangs has failed. */
const probeMs = 5_000;

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Look at what the engine needs, and say how to mend what is missing')
    .addOption(dataOption())
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  mission doctor\n  mission doctor --json')
    .action(async (options: { data: string; json?: boolean }) => {
      const { data } = options;
      const checks = [
        checkNode(),
        checkGit(),
        checkPlatform(),
        checkTemporal(),
        await checkDisk(data),
        checkUser(),
      ];
      checks.push(await checkEngine(data));
      show(
        checks,
        () => checks.map((check) => `${check.state.padEnd(8)} ${check.name.padEnd(10)} ${check.message}`),
        options.json,
      );
      if (checks.some((check) => check.state === 'failed')) process.exitCode = exitCodes.failed;
    });
}

function checkNode(): Check {
  return { name: 'node', state: 'ok', message: process.versions.node };
}

function checkGit(): Check {
  const said = spawnSync('git', ['--version'], { encoding: 'utf8', timeout: probeMs });
  const version = /(\d+)\.(\d+)/.exec(said.stdout);
  const [, major = 0, minor = 0] = version?.map(Number) ?? [];
  if (major > 2 || (major === 2 && minor >= 38))
    return { name: 'git', state: 'ok', message: version?.[0] ?? '' };
  return { name: 'git', state: 'failed', message: 'git 2.38 or newer is needed: install it' };
}

function checkPlatform(): Check {
  if (process.platform === 'linux') return { name: 'platform', state: 'ok', message: 'linux' };
  const message = `${process.platform}: sessions are found again through /proc, so the engine needs Linux`;
  return { name: 'platform', state: 'failed', message };
}

function checkTemporal(): Check {
  const address = process.env['TEMPORAL_ADDRESS'];
  if (address) return { name: 'temporal', state: 'ok', message: `TEMPORAL_ADDRESS is ${address}` };
  const path = findOnPath('temporal');
  const message = path ?? 'not on PATH: `mission up` fetches it';
  return { name: 'temporal', state: 'ok', message };
}

async function checkDisk(data: string): Promise<Check> {
  let folder = data;
  while (!(await exists(folder))) folder = dirname(folder);
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const message = `${(free / 1024 ** 3).toFixed(1)} GiB free at ${folder}`;
  if (free >= leastFreeBytes) return { name: 'disk', state: 'ok', message };
  return {
    name: 'disk',
    state: 'failed',
    message: `${message}: free some, or choose another folder with --data`,
  };
}

function checkUser(): Check {
  const message =
    'agents run as this very user and could read the engine’s files: give the engine a user of its own';
  return { name: 'user', state: 'warning', message };
}

async function checkEngine(data: string): Promise<Check> {
  const address = await readAddress(data);
  if (!address)
    return { name: 'engine', state: 'warning', message: 'not running: start it with `mission up`' };
  try {
    const response = await fetch(`${address.url}/readyz`, { signal: AbortSignal.timeout(probeMs) });
    const state = response.ok ? 'ok' : 'failed';
    return { name: 'engine', state, message: `${address.url} ${await response.text()}` };
  } catch {
    const message = `nobody answers at ${address.url}: start it with \`mission up\``;
    return { name: 'engine', state: 'failed', message };
  }
}
