import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Roster } from '../../schema/contracts/roster.ts';
import { temporaryFolder } from '../../test/support/temporary.ts';
import { installUnits } from './install-units.ts';
import { bootOf, fleetUnits, unitWord } from './systemd.ts';

const roster = Roster.parse({
  version: 1,
  agents: [
    { name: 'lead', runtime: 'codex', class: 'orchestrator' },
    { name: 'coder', runtime: 'pi', class: 'implementer' },
  ],
});

/** A machine whose systemd keeps what it is asked, and answers with this code. */
async function machine(
  code: number,
): Promise<{ home: string; environment: NodeJS.ProcessEnv; asked: () => Promise<string> }> {
  const home = await temporaryFolder();
  const bin = join(home, 'bin');
  await mkdir(bin);
  for (const name of ['systemctl', 'loginctl']) {
    const path = join(bin, name);
    await writeFile(
      path,
      `#!/bin/sh\necho "${name} $*" >> '${home}/asked'\necho 'no bus' >&2\nexit ${code}\n`,
    );
    await chmod(path, 0o755);
  }
  // Real ones, where they are: tmux must be there, systemd-analyze may.
  await writeFile(join(bin, 'tmux'), '#!/bin/sh\n', { mode: 0o755 });
  const environment = { HOME: home, PATH: `${bin}:/usr/bin:/bin` };
  return { home, environment, asked: () => readFile(join(home, 'asked'), 'utf8') };
}

describe('a word in a unit', () => {
  it.each([
    { text: '/usr/bin/tmux', word: '/usr/bin/tmux' },
    { text: '/my data', word: '"/my data"' },
    { text: '100%', word: '100%%' },
    { text: '$HOME', word: '"$$HOME"' },
    { text: 'a"b\\c', word: String.raw`"a\"b\\c"` },
  ])('$text is written $word', ({ text, word }) => {
    expect(unitWord(text)).toBe(word);
  });
});

describe('the units of a fleet', () => {
  it('keep the server apart from the agents, so that an agent’s restart leaves it', () => {
    const of = { roster, data: '/my data', tmux: '/usr/bin/tmux', mission: ['/bin/mission'], path: '/bin' };
    const [holder, agent] = fleetUnits(of);
    expect(holder?.text).toContain('Type=forking\nExecStart=/usr/bin/tmux -L mosaic-factory -f /dev/null');
    expect(agent?.text).toContain('Requires=mission-holder.service\nAfter=mission-holder.service');
    expect(agent?.text).toContain('ExecStart=/bin/mission fleet start %i --data "/my data"');
    expect(agent?.text).toContain('ExecStop=/bin/mission fleet stop %i --data "/my data"');
  });

  it('are written, found well by systemd where it is, enabled for each agent, with linger', async () => {
    const { home, environment, asked } = await machine(0);
    const mission = [process.execPath, '/opt/mission.mjs'];
    const steps = await installUnits({ roster, data: '/data', mission, environment });
    expect(steps.filter(({ what }) => what !== 'verified').map(({ state }) => state)).not.toContain('left');
    const folder = join(home, '.config/systemd/user');
    for (const name of ['mission-holder.service', 'mission-agent@.service']) {
      expect((await stat(join(folder, name))).isFile()).toBe(true);
    }
    const units = 'mission-holder.service mission-agent@lead.service mission-agent@coder.service';
    expect(await asked()).toContain(`systemctl --user enable ${units}\nsystemctl --user daemon-reload\n`);
  });

  it('are written also where systemd does not answer, and what is left is said', async () => {
    const { environment } = await machine(1);
    const steps = await installUnits({ roster, data: '/data', mission: [process.execPath], environment });
    expect(steps).toContainEqual({
      what: 'reloaded',
      state: 'left',
      message: 'do by hand: systemctl --user daemon-reload (no bus)',
    });
  });

  it('are refused with what systemd says of their fault, and none is written', async () => {
    const { home, environment } = await machine(0);
    const analyze = join(home, 'bin/systemd-analyze');
    await writeFile(analyze, '#!/bin/sh\necho "Unknown key" >&2\nexit 1\n', { mode: 0o755 });
    const installed = installUnits({ roster, data: '/data', mission: ['/bin/x'], environment });
    await expect(installed).rejects.toThrow('systemd finds a fault in the units: Unknown key');
    await expect(stat(join(home, '.config/systemd/user'))).rejects.toThrow('ENOENT');
  });

  it('bring back only what is enabled', async () => {
    const { home, environment } = await machine(0);
    expect(await bootOf('lead', environment)).toBe('no-unit');
    const wanted = join(home, '.config/systemd/user/default.target.wants');
    await mkdir(wanted, { recursive: true });
    await writeFile(join(wanted, 'mission-agent@lead.service'), '');
    expect(await bootOf('lead', environment)).toBe('no-unit');
    await writeFile(join(wanted, 'mission-holder.service'), '');
    expect(await bootOf('lead', environment)).not.toBe('no-unit');
    expect(await bootOf('coder', environment)).toBe('no-unit');
  });
});
