import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { exists } from '../../activities/files.ts';
import { terminalAgents } from '../../test/fakes/terminal-agents.ts';
import { fleetMachine, type FleetMachine } from '../../test/support/fleet-machine.ts';
import { noTmux } from '../../test/support/tmux.ts';
import { until } from '../../test/support/until.ts';
import { openFleet } from '../../workers/fleet-desk.ts';

const Shown = z.object({
  agents: z.array(
    z.object({
      name: z.string(),
      state: z.string(),
      pid: z.number().optional(),
      running: z.string().optional(),
      drift: z.string().optional(),
    }),
  ),
});
type Shown = z.infer<typeof Shown>['agents'];

async function ps({ mission }: FleetMachine): Promise<Shown> {
  const { stdout } = await mission('fleet', 'ps', '--json');
  return Shown.parse(JSON.parse(stdout)).agents;
}

async function holderPid({ socket }: FleetMachine): Promise<string> {
  const format = ['list-panes', '-t', '=_holder:', '-F', '#{pid} #{pane_pid}'];
  return (await execa('tmux', ['-L', socket, ...format])).stdout;
}

describe.skipIf(noTmux)('the agents of a fleet (skipped without tmux)', () => {
  it('start, are shown, restart beside a server that stays, and stop', async () => {
    const machine = await fleetMachine({ codex: terminalAgents.accepts, pi: terminalAgents.ignores });
    const { mission } = machine;
    const started = await mission('fleet', 'start');
    expect(started).toMatchObject({ code: 0, stdout: 'codex  started\npi     started\n' });
    expect((await mission('fleet', 'start', 'pi')).stdout).toBe('pi  running\n');
    const shown = await mission('fleet', 'ps');
    expect(shown.stdout).toMatch(/^TENANT +HOST +AGENT +RUNTIME +CLASS +STATE +RUNS +PID +WROTE/);
    expect(shown.stdout).toMatch(/default +\S+ +codex +codex +canary +healthy +codex +\d+ +\d+s/);

    const before = await ps(machine);
    const holder = await holderPid(machine);
    expect((await mission('fleet', 'restart', 'codex')).stdout).toBe('codex  started\n');
    const after = await ps(machine);
    expect(await holderPid(machine)).toBe(holder);
    expect(after[0]?.pid).not.toBe(before[0]?.pid);
    expect(after[1]?.pid).toBe(before[1]?.pid);

    expect((await mission('fleet', 'stop')).stdout).toBe('codex  stopped\npi     stopped\n');
    expect((await mission('fleet', 'stop', 'pi')).stdout).toBe('pi  not-running\n');
    expect((await ps(machine)).map(({ state }) => state)).toEqual(['stopped', 'stopped']);
  });

  it('show in what they differ from the roster', async () => {
    const machine = await fleetMachine({ codex: terminalAgents.accepts, pi: terminalAgents.accepts });
    const tmux = ['-L', machine.socket, '-f', '/dev/null'];
    await execa('tmux', [...tmux, 'new-session', '-d', '-s', 'codex', 'sleep', '1000']);
    await execa('tmux', [
      ...tmux,
      'new-session',
      '-d',
      '-s',
      'pi',
      process.execPath,
      '-e',
      'setInterval(Date, 1e6)',
    ]);
    await execa('tmux', [...tmux, 'new-session', '-d', '-s', 'stranger', 'sleep', '1000']);
    expect(await ps(machine)).toMatchObject([
      { name: 'codex', running: 'sleep', drift: 'runs sleep, not codex' },
      { name: 'pi', running: 'node' },
      { name: 'stranger', drift: 'is not in the roster' },
    ]);
    expect((await ps(machine))[1]?.drift).toBeUndefined();
  });

  it('are silent when they have written nothing for ten minutes, though they live', async () => {
    const { data, mission } = await fleetMachine({ codex: terminalAgents.ignores });
    await mission('fleet', 'start');
    const fleet = await openFleet(data);
    const inMinutes = (minutes: number): number => Date.now() + minutes * 60_000;
    expect(await fleet.status(inMinutes(9))).toMatchObject([{ name: 'codex', state: 'healthy' }]);
    expect(await fleet.status(inMinutes(11))).toMatchObject([{ name: 'codex', state: 'silent' }]);
  });

  it('have a file that tells when they last wrote something, for as long as they live', async () => {
    const machine = await fleetMachine({ codex: terminalAgents.accepts });
    const heartbeat = join(machine.data, 'fleet/codex.heartbeat');
    const began = Math.floor(Date.now() / 1_000) * 1_000;
    await machine.mission('fleet', 'start');
    await until(() => exists(heartbeat));
    const beat = /^ts=(\S+) pid=(\d+) status=running last_event=(\S+)\n$/.exec(
      await readFile(heartbeat, 'utf8'),
    );
    const [, ts = '', pid, lastEvent = ''] = beat ?? [];
    expect(Number(pid)).toBe((await ps(machine))[0]?.pid);
    expect(Date.parse(lastEvent)).toBeGreaterThanOrEqual(began);
    expect(Date.parse(ts)).toBeGreaterThanOrEqual(Date.parse(lastEvent));
    await machine.mission('fleet', 'stop');
    expect(await exists(heartbeat)).toBe(false);
  });

  it('end with what they have started in a session of its own', async () => {
    const tool = '#!/bin/sh\nsetsid sleep 98765 &\nwhile :; do sleep 1; done\n';
    const { mission } = await fleetMachine({ codex: tool });
    await mission('fleet', 'start');
    await mission('fleet', 'stop');
    const { stdout } = await execa('ps', ['-eo', 'args']);
    expect(stdout).not.toContain('sleep 98765');
  });

  it('start without those that can not, and the command ends with 1', async () => {
    const { mission } = await fleetMachine(
      { codex: terminalAgents.accepts, claude: '#!/bin/sh\nexit 3\n' },
      {
        agents: [
          { name: 'a', runtime: 'claude', class: 'canary' },
          { name: 'b', runtime: 'opencode', class: 'canary' },
          { name: 'c', runtime: 'codex', class: 'canary', workingDirectory: '~/gone' },
          { name: 'd', runtime: 'codex', class: 'canary' },
        ],
      },
    );
    const { code, stdout } = await mission('fleet', 'start');
    expect(code).toBe(1);
    expect(stdout).toMatch(/^a +failed +a: \S+claude ended at once: run it in \S+src to see why$/m);
    expect(stdout).toMatch(/^b +failed +b: opencode is not found: look at mission fleet verify$/m);
    expect(stdout).toMatch(/^c +failed +c: there is no folder \S+gone: make it$/m);
    expect(stdout).toMatch(/^d +started$/m);
  });

  it('tell what a program said that ended at once', async () => {
    const { mission } = await fleetMachine({ codex: '#!/bin/sh\necho "this Node is too old" >&2\nexit 1\n' });
    const { code, stdout } = await mission('fleet', 'start', '--json');
    expect(code).toBe(1);
    expect(stdout).toContain('codex ended at once: this Node is too old');
    expect((await mission('fleet', 'ps')).stdout).toContain('stopped');
  });

  it('are those of the roster alone', async () => {
    const { mission } = await fleetMachine({ codex: terminalAgents.accepts });
    const { code, stderr } = await mission('fleet', 'start', 'cod');
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'error: cod is not in the roster: it has codex\n' });
  });
});
