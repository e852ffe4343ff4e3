/** Writes the fleet's units, and has systemd look at them where it is. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Roster } from '../../schema/contracts/roster.ts';
import { createFindProgram, searchPath } from '../processes/find-program.ts';
import { agentTemplate, agentUnit, fleetUnits, holderUnit, lingers, unitFolder } from './systemd.ts';

/** `left`: it could not be done here; the message says how it is done by hand. */
export interface Step {
  what: 'written' | 'verified' | 'enabled' | 'reloaded' | 'linger';
  state: 'ok' | 'left';
  message: string;
}

/** Throws where systemd finds a fault in a unit. Nothing is started: what runs goes on as it is. */
export async function installUnits(of: {
  roster: Roster;
  data: string;
  mission: readonly string[];
  environment?: NodeJS.ProcessEnv;
}): Promise<Step[]> {
  const { roster, data, mission, environment = process.env } = of;
  const find = createFindProgram(environment);
  const tmux = await find('tmux');
  if (tmux === undefined) throw new Error('tmux is not found on PATH: install it');
  const folder = unitFolder(environment);
  const units = fleetUnits({ roster, data, tmux, mission, path: await searchPath(environment) });
  const verified = await verifyUnits(units, await find('systemd-analyze'));
  await mkdir(folder, { recursive: true });
  for (const { name, text } of units) await writeFile(join(folder, name), text);
  const written: Step[] = units.map(({ name }) => ({
    what: 'written',
    state: 'ok',
    message: join(folder, name),
  }));

  const enabled = [holderUnit, ...roster.agents.map(({ name }) => agentUnit(name))];
  const steps: [Step['what'], string, string[]][] = [
    ['enabled', 'systemctl', ['--user', 'enable', ...enabled]],
    ['reloaded', 'systemctl', ['--user', 'daemon-reload']],
  ];
  const user = userInfo().username;
  if (!(await lingers())) steps.push(['linger', 'loginctl', ['enable-linger', user]]);
  const done: Step[] = [];
  for (const [what, program, args] of steps) {
    const line = [program, ...args].join(' ');
    // Lingering is of the whole account: it is not turned on for units that are not there.
    const inVain = what === 'linger' && done.some(({ state }) => state === 'left');
    const ran = inVain
      ? { exitCode: undefined, stderr: 'after the others' }
      : await run(program, args, environment);
    const state = ran.exitCode === 0 ? 'ok' : 'left';
    done.push({
      what,
      state,
      message: state === 'ok' ? line : `do by hand: ${line} (${firstLine(ran.stderr)})`,
    });
  }
  return [verified, ...written, ...done];
}

/** In a folder of its own: a unit with a fault never comes to lie where systemd reads it. */
async function verifyUnits(
  units: { name: string; text: string }[],
  analyze: string | undefined,
): Promise<Step> {
  const what = 'verified';
  if (analyze === undefined) return { what, state: 'left', message: 'there is no systemd-analyze here' };
  const folder = await mkdtemp(join(tmpdir(), 'mission-units-'));
  try {
    for (const { name, text } of units) await writeFile(join(folder, name), text);
    // A template is verified as one of its units.
    const names = [holderUnit, agentTemplate.replace('@', '@one')];
    const paths = names.map((name) => join(folder, name));
    const { exitCode, stderr } = await run(analyze, ['--user', 'verify', ...paths], {
      ...process.env,
      // Without a session of the person there is none, and it would not begin.
      XDG_RUNTIME_DIR: process.env['XDG_RUNTIME_DIR'] ?? folder,
    });
    if (exitCode === 0) return { what, state: 'ok', message: names.join(', ') };
    throw new Error(`systemd finds a fault in the units: ${stderr.replaceAll(`${folder}/`, '').trim()}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ exitCode: number | undefined; stderr: string }> {
  const { exitCode, stderr, code } = await execa(program, args, {
    env,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    timeout: 30_000,
  });
  if (code === 'ENOENT') return { exitCode, stderr: `there is no ${program} here` };
  return { exitCode, stderr: stderr.trim() || `it ended with ${exitCode ?? 'a signal'}` };
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
