import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execaSync } from 'execa';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { runMission } from '../../test/support/mission-command.ts';
import { temporaryFolder } from '../../test/support/temporary.ts';
import { noTmux } from '../../test/support/tmux.ts';

const hasSystemd = execaSync('systemctl', ['--version'], { reject: false }).exitCode === 0;

const Verified = z.object({
  found: z.boolean(),
  roster: z.object({ runtimes: z.record(z.string(), z.object({ env: z.record(z.string(), z.string()) })) }),
  probes: z.array(z.object({ name: z.string(), state: z.string() })),
});

/** A home with a folder to work in; nothing else of this machine than its standard programs is seen. */
async function machine(): Promise<{ home: string; env: Record<string, string>; path: string }> {
  const home = await temporaryFolder();
  await mkdir(join(home, 'src'));
  const env = { HOME: home, PATH: '/usr/bin:/bin', MISSION_DATA: join(home, 'data') };
  return { home, env, path: join(home, 'data', 'roster.yaml') };
}

async function install(home: string, name: string, version: string): Promise<void> {
  const folder = join(home, '.local/bin');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
}

describe('mission fleet', () => {
  it('writes a first roster of what it finds, for its owner alone, and finds it well', async () => {
    const { home, env, path } = await machine();
    await install(home, 'opencode', '1.18.33');
    const made = await runMission(['fleet', 'init'], { env });
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(made.stdout).toContain(`${path} is written; found: opencode`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    if (!noTmux && hasSystemd) expect(made.stdout).toMatch(/^written +ok +\S+mission-agent@\.service$/m);
    const verified = await runMission(['fleet', 'verify'], { env });
    expect(verified.stdout).toMatch(/^coder-opencode +opencode +implementer +\S+\/src\n/);
    expect(verified.stdout).toContain(`1.18.33 at ${home}/.local/bin/opencode`);
    expect(verified.code).toBe(0);
  });

  it('writes over a roster only when it is told to', async () => {
    const { home, env } = await machine();
    const path = join(home, 'mine.yaml');
    await writeFile(path, '# mine\n');
    const refused = await runMission(['fleet', 'init', path], { env });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toBe(`error: ${path} is there already: keep it, or write over it with --force\n`);
    expect(await readFile(path, 'utf8')).toBe('# mine\n');
    const forced = await runMission(['fleet', 'init', path, '--force', '--json'], { env });
    expect(JSON.parse(forced.stdout)).toEqual({ path, runtimes: [] });
    expect(await readFile(path, 'utf8')).toContain('version: 1');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('ends with 1 where a program is missing, and shows no value of an environment', async () => {
    const { home, env } = await machine();
    const path = join(home, 'mine.yaml');
    const agents = 'agents: [{name: a, runtime: codex, class: canary}]';
    await writeFile(path, `version: 1\nruntimes: {codex: {env: {KEY: sesame}}}\n${agents}\n`);
    const { code, stdout } = await runMission(['fleet', 'verify', path, '--json'], { env });
    expect(code).toBe(1);
    expect(stdout).not.toContain('sesame');
    const verified = Verified.parse(JSON.parse(stdout));
    expect(verified.roster.runtimes['codex']).toEqual({ env: { KEY: '[hidden]' } });
    expect(verified.probes).toContainEqual({ name: 'codex', state: 'failed' });
  });

  it.each([
    { name: 'says that there is no roster', args: [], code: 0, says: 'so the fleet has no agents' },
    { name: 'refuses a file that is not there', args: ['no.yaml'], code: 1, says: 'no.yaml is not there' },
    {
      name: 'refuses a fault with line, key and remedy',
      args: ['test/fixtures/rosters/factory.yaml'],
      code: 1,
      says: 'factory.yaml:8:3: tmux.working_directory: is no key here: it belongs under defaults:',
    },
  ])('verify $name', async ({ args, code, says }) => {
    const { env } = await machine();
    const ended = await runMission(['fleet', 'verify', ...args], { env });
    expect(ended.code).toBe(code);
    expect(ended.stdout + ended.stderr).toContain(says);
  });
});
