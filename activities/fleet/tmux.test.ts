import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary.ts';
import { noTmux, tmuxSocket } from '../../test/support/tmux.ts';
import { until } from '../../test/support/until.ts';
import { printable } from './printable.ts';
import { createTmux, type Tmux } from './tmux.ts';

const env = { PATH: process.env['PATH'] ?? '', HOME: '/' };

async function server(): Promise<{ tmux: Tmux; socket: string; folder: string }> {
  const socket = tmuxSocket();
  const folder = join(await temporaryFolder(), 'fleet');
  return { tmux: createTmux({ socket, holder: '_holder', folder }), socket, folder };
}

describe('what is pasted', () => {
  it.each([
    { what: 'keeps lines, tabs and other alphabets', text: 'für\n\t花 ’', pasted: 'für\n\t花 ’' },
    { what: 'has one kind of line end', text: 'a\r\nb\rc', pasted: 'a\nb\nc' },
    { what: 'can not end the paste', text: 'a\u001b[201~\u0003b\u009b1m', pasted: 'a[201~b1m' },
  ])('$what', ({ text, pasted }) => {
    expect(printable(text)).toBe(pasted);
  });
});

describe.skipIf(noTmux)('a fleet’s tmux (skipped without tmux)', () => {
  it('keeps its server while no agent runs, however often it is asked to', async () => {
    const { tmux } = await server();
    expect(await tmux.panes()).toEqual([]);
    await Promise.all([tmux.ensureHolder(), tmux.ensureHolder()]);
    const [holder] = await tmux.panes();
    await tmux.start({ name: 'a', cwd: '/', argv: ['sleep', '1000'], env });
    await tmux.stop('a');
    await tmux.stop('a');
    expect(await tmux.panes()).toEqual([holder]);
    expect(holder).toMatchObject({ session: '_holder' });
  });

  it('leaves the default server alone', async () => {
    const asDefault = ['list-sessions', '-F', '#{session_name} #{session_created}'];
    const before = await execa('tmux', asDefault, { reject: false });
    const { tmux } = await server();
    await tmux.start({ name: 'a', cwd: '/', argv: ['sleep', '1000'], env });
    await tmux.stop('a');
    const after = await execa('tmux', asDefault, { reject: false });
    expect(after.stdout).toBe(before.stdout);
    expect(after.stderr).toBe(before.stderr);
  });

  it('takes a name for no other that begins so', async () => {
    const { tmux } = await server();
    await tmux.start({ name: 'coder10', cwd: '/', argv: ['cat'], env });
    expect(await tmux.has('coder1')).toBe(false);
    await tmux.stop('coder1');
    await expect(tmux.paste('coder1', 'x')).rejects.toThrow('did not write to coder1');
    await expect(tmux.screen('coder1')).rejects.toThrow('did not read coder1');
    expect(await tmux.has('coder10')).toBe(true);
    expect((await tmux.screen('coder10')).lines.join('').trim()).toBe('');
  });

  it('runs the program itself, in its folder, with nothing of the server’s environment', async () => {
    const { tmux, socket } = await server();
    const cwd = await temporaryFolder();
    await tmux.ensureHolder();
    await execa('tmux', ['-L', socket, 'set-environment', '-g', 'OF_THE_SERVER', 'yes']);
    await tmux.start({ name: 'a', cwd, argv: ['sleep', '1000'], env: { ...env, OF_AGENT: 'yes' } });
    const command = async () => (await tmux.panes()).find(({ session }) => session === 'a')?.command;
    await until(async () => (await command()) === 'sleep');
    const pid = (await tmux.panes()).find(({ session }) => session === 'a')?.pid ?? 0;
    const environment = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0').filter(Boolean);
    const names = environment.map((line) => line.split('=')[0] ?? '').sort();
    // Where it is and was, shells add by themselves.
    const given = names.filter((name) => !name.endsWith('PWD'));
    expect(given).toEqual(['HOME', 'OF_AGENT', 'PATH', 'TERM', 'TMUX', 'TMUX_PANE']);
    expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).toBe('sleep\0' + '1000\0');
  });

  it('shows no value of the environment to those who list processes, and leaves no file', async () => {
    const { tmux, socket, folder } = await server();
    const argv: [string, ...string[]] = ['sh', '-c', 'echo "$KEY"; exec sleep 1000'];
    await tmux.start({ name: 'a', cwd: '/', argv, env: { ...env, KEY: 'sesame street' } });
    await until(async () => (await tmux.screen('a')).lines[0] === 'sesame street');
    const { stdout: processes } = await execa('ps', ['-eo', 'args', '-ww']);
    expect(processes).toContain(socket);
    expect(processes).not.toContain('sesame street');
    const shown = await execa('tmux', ['-L', socket, 'list-panes', '-a', '-F', '#{pane_start_command}']);
    expect(shown.stdout).not.toContain('sesame');
    expect(await readdir(folder)).toEqual([]);
  });

  it('hands over text as it is, and the key that sends it', async () => {
    const { tmux } = await server();
    await tmux.start({ name: 'a', cwd: '/', argv: ['sh', '-c', 'read -r x; echo "<$x>"; cat'], env });
    await tmux.paste('a', `it's "für" $HOME; #{pane_pid};`);
    await tmux.pressEnter('a');
    const said = async () => (await tmux.capture({ name: 'a', history: 100 })).join('\n');
    await until(async () => (await said()).includes(`<it's "für" $HOME; #{pane_pid};>`));
  });

  it('refuses a second session of the same name, and leaves no file', async () => {
    const { tmux, folder } = await server();
    await tmux.start({ name: 'a', cwd: '/', argv: ['sleep', '1000'], env });
    await until(async () => (await readdir(folder)).length === 0);
    const again = tmux.start({ name: 'a', cwd: '/', argv: ['cat'], env });
    await expect(again).rejects.toThrow('did not start a: duplicate session: a');
    expect(await readdir(folder)).toEqual([]);
  });
});
