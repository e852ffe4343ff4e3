import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { Roster } from '../../schema/contracts/roster.ts';
import { builtFolder } from '../../schema/package-root.ts';
import { temporaryFolder } from '../../test/support/temporary.ts';
import { noTmux, tmuxSocket } from '../../test/support/tmux.ts';
import { until } from '../../test/support/until.ts';
import { exists } from '../files.ts';
import { programEnvironment } from '../processes/environment.ts';
import { runFiles, RunnerIdentity, type RunSpec } from '../processes/spec.ts';
import { createProcesses, type Processes, type RunEnd } from '../processes/supervise.ts';
import { isAlive, processesOfRun } from '../processes/tree.ts';
import { createOpenTerminal, isSessionTerminal, sessionTerminal } from './session-terminals.ts';

const session = 'greetings.T-001.author.1';

interface Machine {
  data: string;
  socket: string;
  processes: Processes;
  warnings: string[];
}

async function machine(
  of: { socket?: string; transport?: string; environment?: NodeJS.ProcessEnv } = {},
): Promise<Machine> {
  const data = await temporaryFolder();
  const { socket = tmuxSocket(), transport = 'tmux', environment = process.env } = of;
  const roster = Roster.parse({ version: 1, transport, tmux: { socketName: socket } });
  const warnings: string[] = [];
  const processes = createProcesses({
    runner: join(builtFolder(), 'runner.js'),
    openTerminal: createOpenTerminal({ roster, data, environment }),
    warn: (message) => warnings.push(message),
  });
  return { data, socket, processes, warnings };
}

interface Session {
  folder: string;
  end: Promise<RunEnd>;
  runner: () => Promise<RunnerIdentity>;
}

/** A session whose agent is a shell script. */
function start({ data, processes }: Machine, script: string, env: Record<string, string> = {}): Session {
  const folder = join(data, 'sessions', session);
  const step = { name: 'codex', argv: ['sh', '-c', script], timeoutMs: 60_000, stdin: null };
  const spec: RunSpec = {
    cwd: data,
    env: programEnvironment({ run: folder, home: data, extra: env }),
    steps: [{ ...step, stdout: 'events.jsonl', stderr: 'stderr.log' }],
    maxOutputBytes: 1_000_000,
    heartbeatMs: 50,
    shown: { title: 'It works', runtime: 'codex', output: 'events.jsonl', hidden: Object.keys(env) },
  };
  const watch = { detach: new AbortController().signal, stopAsked: () => false };
  const end = processes.supervise({ folder, prepare: () => Promise.resolve({ spec }), watch, session });
  const runner = async (): Promise<RunnerIdentity> =>
    RunnerIdentity.parse(JSON.parse(await readFile(join(folder, runFiles.runner), 'utf8')));
  return { folder, end, runner };
}

/** Works from `started` until `go` is there. */
const patient = 'touch started; until [ -e go ]; do sleep 0.02; done; exit 3';

async function tmux({ socket }: Machine, ...args: string[]): Promise<string[]> {
  const { stdout } = await execa('tmux', ['-L', socket, ...args], { reject: false });
  return stdout.split('\n').filter((line) => line !== '');
}

function terminalOn({ data }: Machine): string {
  return sessionTerminal({ session, data });
}

async function panes(on: Machine): Promise<string[]> {
  const all = await tmux(on, 'list-panes', '-a', '-F', '#{session_name} #{pane_pid}');
  return all.filter((line) => !line.startsWith('_holder'));
}

function said(text: string): string {
  return `printf '%s\\n' '${JSON.stringify({ type: 'item.completed', item: { id: 'i', type: 'agent_message', text } })}'`;
}

const ended = { kind: 'ended', result: { steps: [{ end: 'exited', exitCode: 3 }] } };

describe('the terminal of a session', () => {
  it('is named after the session and its data directory, without what tmux takes for something else', async () => {
    const [one, other] = [await temporaryFolder(), await temporaryFolder()];
    const terminal = sessionTerminal({ session, data: one });
    expect(terminal).toMatch(/^greetings\/T-001\/author\/1@[0-9a-f]{8}$/);
    expect(sessionTerminal({ session, data: `${one}/` })).toBe(terminal);
    expect(sessionTerminal({ session, data: other })).not.toBe(terminal);
    expect([terminal, 'coder0'].map(isSessionTerminal)).toEqual([true, false]);
  });
});

describe.skipIf(noTmux)('a session in tmux (skipped without tmux)', () => {
  it('has its runner for the pane’s own process, and goes with it', async () => {
    const on = await machine();
    const running = start(on, patient);
    await until(() => exists(join(on.data, 'started')));
    expect(await panes(on)).toEqual([`${terminalOn(on)} ${(await running.runner()).pid}`]);
    await writeFile(join(on.data, 'go'), '');
    expect(await running.end).toMatchObject(ended);
    await until(async () => (await panes(on)).length === 0);
    expect(on.warnings).toEqual([]);
  });

  it('shows what its agent does, without the operator’s secrets or what would steer the terminal', async () => {
    const on = await machine();
    const command = JSON.stringify({
      type: 'item.started',
      item: { id: 'c', type: 'command_execution', command: 'ls' },
    });
    const lines = [`echo '${command}'`, said('the key is sesame-open \u001b[31mred')].join('; ');
    const running = start(on, `${lines}; ${patient}`, { KEY: 'sesame-open' });
    const screen = (): Promise<string[]> => tmux(on, 'capture-pane', '-p', '-t', `=${terminalOn(on)}:`);
    await until(async () => (await screen()).length === 3);
    expect(await screen()).toEqual(['It works', '> command_execution: ls', 'the key is [redacted] [31mred']);
    await writeFile(join(on.data, 'go'), '');
    await running.end;
  });

  it('gives its agent no terminal, and none of what tmux would hand on', async () => {
    const on = await machine({ environment: { ...process.env, ENGINE_SECRET: 'sesame' } });
    const look =
      'env > environment; sh -c ": < /dev/tty" 2>/dev/null && echo one > terminal || echo none > terminal';
    const running = start(on, `${look}; ${patient}`);
    await until(() => exists(join(on.data, 'started')));
    expect(await readFile(join(on.data, 'terminal'), 'utf8')).toBe('none\n');
    expect(await readFile(join(on.data, 'environment'), 'utf8')).not.toMatch(/TMUX|sesame/);
    const [server = ''] = await tmux(on, 'display-message', '-p', '#{pid}');
    expect(await readFile(`/proc/${server}/environ`, 'utf8')).not.toContain('sesame');
    const { pid } = await running.runner();
    expect(await readFile(`/proc/${pid}/environ`, 'utf8')).not.toContain('sesame');
    await writeFile(join(on.data, 'go'), '');
    await running.end;
  });

  it.each(['the kill of its server', 'a server that dies'])('outlives %s', async (how) => {
    const on = await machine();
    const running = start(on, patient.replace('exit', 'echo after; exit'));
    await until(() => exists(join(on.data, 'started')));
    const before = await running.runner();
    const [server = ''] = await tmux(on, 'display-message', '-p', '#{pid}');
    if (how === 'a server that dies') process.kill(Number(server), 'SIGKILL');
    else await tmux(on, 'kill-server');
    await until(async () => (await panes(on)).length === 0);
    await writeFile(join(on.data, 'go'), '');
    expect(await running.end).toMatchObject(ended);
    expect(await running.runner()).toEqual(before);
    expect(await readFile(join(running.folder, 'events.jsonl'), 'utf8')).toBe('after\n');
  });

  it('goes on while somebody has halted its terminal', async () => {
    const on = await machine();
    const flood = `i=0; while [ $i -lt 2000 ]; do i=$((i+1)); ${said('x'.repeat(100))}; done`;
    const running = start(on, `touch started; until [ -e flood ]; do sleep 0.02; done; ${flood}; exit 3`);
    await until(() => exists(join(on.data, 'started')));
    const [server = ''] = await tmux(on, 'display-message', '-p', '#{pid}');
    process.kill(Number(server), 'SIGSTOP');
    try {
      await writeFile(join(on.data, 'flood'), '');
      expect(await running.end).toMatchObject(ended);
    } finally {
      process.kill(Number(server), 'SIGCONT');
    }
  });

  it('is ended by a Ctrl-C in its terminal: lost, with all that it has started', async () => {
    const on = await machine();
    const running = start(on, `setsid sleep 60 & ${patient}`);
    await until(() => exists(join(on.data, 'started')));
    await tmux(on, 'send-keys', '-t', `=${terminalOn(on)}:`, 'C-c');
    expect(await running.end).toEqual({ kind: 'lost' });
    expect(processesOfRun(running.folder)).toEqual([]);
  });

  it('has a namesake of another data directory beside it', async () => {
    const one = await machine();
    const other = await machine({ socket: one.socket });
    const both = [start(one, patient), start(other, patient)];
    await until(async () => (await panes(one)).length === 2);
    for (const { data } of [one, other]) await writeFile(join(data, 'go'), '');
    for (const { end } of both) expect(await end).toMatchObject(ended);
    expect([...one.warnings, ...other.warnings]).toEqual([]);
  });

  it.each([
    {
      what: 'tmux is not there',
      environment: { PATH: '/nowhere' },
      says: 'tmux is not found on PATH: install it',
    },
    {
      what: 'its socket can not be made',
      environment: { PATH: process.env['PATH'], TMUX_TMPDIR: '/dev/null' },
      says: 'did not start its server',
    },
  ])('has no terminal where $what, and says so', async ({ environment, says }) => {
    const on = await machine({ environment });
    expect(await start(on, 'exit 3').end).toMatchObject(ended);
    expect(on.warnings).toEqual([
      expect.stringMatching(`^the session ${session} runs without a terminal: .*${says}`),
    ]);
  });

  it('has no terminal where the roster wants none', async () => {
    const on = await machine({ transport: 'process' });
    const running = start(on, patient);
    await until(() => exists(join(on.data, 'started')));
    expect(await panes(on)).toEqual([]);
    expect(isAlive(await running.runner())).toBe(true);
    await writeFile(join(on.data, 'go'), '');
    await running.end;
    expect(on.warnings).toEqual([]);
  });
});
