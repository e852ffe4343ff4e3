import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../schema/package-root.ts';
import { terminalAgents } from '../../test/fakes/terminal-agents.ts';
import { fleetMachine, type FleetMachine } from '../../test/support/fleet-machine.ts';
import { noTmux, tmuxSocket } from '../../test/support/tmux.ts';
import { until } from '../../test/support/until.ts';

const { accepts, ignores, drafts, hides } = terminalAgents;

async function sizeOf({ socket }: FleetMachine, name: string): Promise<string> {
  const format = ['display-message', '-p', '-t', `=${name}:`, '#{window_width}x#{window_height}'];
  return (await execa('tmux', ['-L', socket, ...format])).stdout;
}

/** A person at a terminal of 90 by 30, in which `mission` runs. */
async function person(
  { env }: FleetMachine,
  words: string[],
): Promise<{ type: (...keys: string[]) => Promise<void>; sees: () => Promise<string> }> {
  const socket = tmuxSocket();
  const variables = Object.entries({ ...env, TERM: 'screen' }).map(([name, value]) => `${name}=${value}`);
  const mission = [process.execPath, join(packageRoot(), 'dist/mission.js'), ...words];
  const size = ['-d', '-x', '90', '-y', '30'];
  await execa('tmux', [
    ...['-L', socket, '-f', '/dev/null', 'new-session', ...size, '-s', 'person'],
    ...['env', '-i', ...variables, ...mission],
  ]);
  return {
    async type(...keys) {
      await execa('tmux', ['-L', socket, 'send-keys', '-t', '=person:', ...keys]);
    },
    async sees() {
      return (await execa('tmux', ['-L', socket, 'capture-pane', '-p', '-t', '=person:'], { reject: false }))
        .stdout;
    },
  };
}

describe.skipIf(noTmux)('mission agent (skipped without tmux)', () => {
  it('sends a message with its sender, and tells accepted from draft from what can not be seen', async () => {
    const { mission } = await fleetMachine({ codex: accepts, claude: ignores, opencode: drafts, pi: hides });
    await mission('fleet', 'start');
    const send = (name: string) =>
      mission('agent', 'send', name, 'go on; $HOME', '--verify', '--from', 'lead');
    expect(await send('codex')).toMatchObject({ code: 0, stdout: 'codex  accepted\n' });
    expect((await mission('agent', 'tail', 'codex')).stdout).toContain(
      'accepted: [lead -> codex] go on; $HOME',
    );
    expect(await send('claude')).toMatchObject({ code: 1, stdout: 'claude  unverifiable\n' });
    expect(await send('opencode')).toMatchObject({ code: 1, stdout: 'opencode  draft\n' });
    expect(await send('pi')).toMatchObject({ code: 1, stdout: 'pi  unverifiable\n' });
  });

  it('sends without a look where nobody asks for one', async () => {
    const { mission } = await fleetMachine({ codex: accepts });
    await mission('fleet', 'start');
    const { stdout } = await mission('agent', 'send', 'codex', 'hi', '--from', 'lead', '--json');
    expect(JSON.parse(stdout)).toEqual({ name: 'codex', message: '[lead -> codex] hi', delivery: 'sent' });
    const refused = await mission('agent', 'send', 'codex', 'hi', '--from', 'a] [b');
    expect(refused.code).toBe(2);
  });

  it('lets one watch without typing, and without another size for the agent', async () => {
    const machine = await fleetMachine({ codex: accepts });
    await machine.mission('fleet', 'start');
    const { type, sees } = await person(machine, ['agent', 'watch', 'codex']);
    await until(async () => (await sees()).includes('started with'));
    await type('hello', 'Enter');
    await machine.mission('agent', 'send', 'codex', 'from outside', '--from', 'lead', '--verify');
    await until(async () => (await sees()).includes('from outside'));
    expect(await sees()).not.toContain('hello');
    expect(await sizeOf(machine, 'codex')).toBe('200x50');
  });

  it('lets one attach, type, and have one’s own size for as long', async () => {
    const machine = await fleetMachine({ codex: accepts });
    await machine.mission('fleet', 'start');
    const { type, sees } = await person(machine, ['agent', 'attach', 'codex']);
    await until(async () => (await sees()).includes('started with'));
    await type('hello', 'Enter');
    await until(async () => (await sees()).includes('accepted: hello'));
    expect(await sizeOf(machine, 'codex')).toMatch(/^90x/);
  });

  it('resets an agent that runs, starts one that does not, and gives both their first prompt', async () => {
    const agents = [{ name: 'a', runtime: 'codex', class: 'canary', kickstartTemplate: 'first' }];
    const { mission, data } = await fleetMachine({ codex: accepts }, { agents });
    const without = await mission('agent', 'reset', 'a');
    expect(without.stderr).toBe(
      `error: a has the kickstartTemplate first: write ${data}/templates/first.md\n`,
    );
    await mkdir(join(data, 'templates'));
    await writeFile(join(data, 'templates/first.md'), 'Read AGENTS.md.\n');
    expect((await mission('agent', 'reset', 'a')).stdout).toBe('a  started, with its first prompt\n');
    expect((await mission('agent', 'reset', 'a')).stdout).toBe('a  reset, with its first prompt\n');
    const { stdout } = await mission('agent', 'tail', 'a');
    expect(stdout.match(/^accepted: .*/gm)).toEqual([
      'accepted: Read AGENTS.md.',
      'accepted: /clear',
      'accepted: Read AGENTS.md.',
    ]);
  });

  it('tells what an agent is, and of one that does not run what to do', async () => {
    const { mission } = await fleetMachine({ codex: accepts });
    expect((await mission('agent', 'roster')).stdout).toMatch(/^codex +codex +canary +\S+src$/m);
    expect((await mission('agent', 'status', 'codex')).stdout).toMatch(/^state +stopped$/m);
    expect(await mission('agent', 'tail', 'codex')).toMatchObject({
      code: 1,
      stderr: 'error: codex does not run: start it with `mission fleet start codex`\n',
    });
    await mission('fleet', 'start');
    expect((await mission('agent', 'watch', 'codex')).stderr).toContain('this needs a terminal');
  });
});
