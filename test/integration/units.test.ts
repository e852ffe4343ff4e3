import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { packageRoot } from '../../schema/package-root.ts';
import { FleetView } from '../../schema/contracts/fleet.ts';
import { terminalAgents } from '../fakes/terminal-agents.ts';
import { noTmux, tmuxSocket } from '../support/tmux.ts';
import { noUserSystemd, startUserSystemd } from '../support/user-systemd.ts';

const why = noTmux ? 'needs tmux' : noUserSystemd();

it.skipIf(why !== undefined)(
  `the units start a fleet, and restart an agent beside the others and a holder that stay${why === undefined ? '' : ` (skipped: ${why})`}`,
  { timeout: 180_000 },
  async () => {
    const { home, run } = await startUserSystemd();
    const [data, bin] = [join(home, 'data'), join(home, '.local/bin')];
    for (const folder of [data, bin, join(home, 'src')]) await mkdir(folder, { recursive: true });
    for (const name of ['codex', 'pi'])
      await writeFile(join(bin, name), terminalAgents.accepts, { mode: 0o755 });
    const agents = ['codex', 'pi'].map((runtime) => ({ name: runtime, runtime, class: 'canary' }));
    const roster = { version: 1, tmux: { socketName: tmuxSocket() }, agents };
    await writeFile(join(data, 'roster.yaml'), JSON.stringify(roster));
    await execa('chown', ['-R', '65534:65534', home]);
    const mission = (...words: string[]) =>
      run(process.execPath, join(packageRoot(), 'dist/mission.js'), ...words, '--data', data);
    const systemctl = (...words: string[]) => run('systemctl', '--user', ...words);
    const pidOf = async (name: string): Promise<string> => {
      const agents = FleetView.parse(JSON.parse(await mission('fleet', 'ps', '--json'))).agents;
      return String(agents.find((agent) => agent.name === name)?.pid ?? 'none');
    };
    const holder = () => systemctl('show', '--property', 'MainPID', '--value', 'mission-holder.service');

    const steps = await mission('fleet', 'install-systemd');
    expect(steps).toMatch(/^enabled +ok/m);
    expect(steps).toMatch(/^reloaded +ok/m);
    await systemctl('start', 'default.target');
    expect(await systemctl('is-active', 'mission-holder', 'mission-agent@codex', 'mission-agent@pi')).toBe(
      'active\nactive\nactive',
    );
    const before = { holder: await holder(), codex: await pidOf('codex'), pi: await pidOf('pi') };
    expect(before.holder).toMatch(/^[1-9]\d*$/);
    expect(before.codex).toMatch(/^\d+$/);

    await systemctl('restart', 'mission-agent@codex');
    const after = { holder: await holder(), codex: await pidOf('codex'), pi: await pidOf('pi') };
    expect(after).toMatchObject({ holder: before.holder, pi: before.pi });
    expect(after.codex).toMatch(/^\d+$/);
    expect(after.codex).not.toBe(before.codex);

    await systemctl('stop', 'mission-agent@codex');
    expect(await pidOf('codex')).toBe('none');
    expect(await holder()).toBe(before.holder);
  },
);
