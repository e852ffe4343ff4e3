/** The fleet's own tmux server. Sessions are named exactly: `=name` never means one that only begins so. */
import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FleetRefusal, Screen } from '../../schema/contracts/fleet.ts';
import { ownPrograms, type Programs } from '../processes/programs.ts';
import { launchScript, type PaneLaunch } from './launch-script.ts';
import { printable } from './printable.ts';

export interface Tmux {
  /** Starts the server, if there is none, with a session that keeps it up while no agent runs. */
  ensureHolder(): Promise<void>;
  has(name: string): Promise<boolean>;
  /** `stays`: its screen is kept when the program ends, until `endedWith` has read it; otherwise the session goes. */
  start(launch: PaneLaunch & { name: string; stays?: boolean }): Promise<void>;
  /** The last lines of a program that has ended since its start; one that runs takes its session along at its end. */
  endedWith(name: string): Promise<string[] | undefined>;
  /** Ends a session; one that is not there is no error. */
  stop(name: string): Promise<void>;
  panes(): Promise<Pane[]>;
  screen(name: string): Promise<Screen>;
  /** The last lines of the history, and the screen. */
  capture(of: { name: string; history: number }): Promise<string[]>;
  paste(name: string, text: string): Promise<void>;
  pressEnter(name: string): Promise<void>;
  /** The command that shows the session in this terminal; only `type` lets a person write in it. */
  client(name: string, mode: 'look' | 'type'): { argv: string[]; env: Record<string, string> };
  /** Whether whoever types in the session gives it the size of their terminal. */
  followSize(name: string, follows: boolean): Promise<void>;
}

export const Pane = z.object({
  session: z.string(),
  pid: z.coerce.number().int(),
  /** When the program last wrote, in milliseconds since 1970; tmux tells whole seconds. */
  writtenAt: z.coerce.number().transform((seconds) => seconds * 1_000),
  command: z.string(),
});
export type Pane = z.infer<typeof Pane>;

/** Of a session that nobody looks at: wide enough that agents break few lines. */
const size = ['-x', '200', '-y', '50'];

/** It answers in milliseconds: one that has not after this long hangs. */
const answerWithinMs = 10_000;

/** Several times the history of a pane, with all of its colours. */
const maxBytes = 16 * 1024 * 1024;

/** The server has the environment of whoever started it: of that the program gets only what tells it of its terminal. */
const cleanly = 'exec env -i TERM="$TERM" TMUX="$TMUX" TMUX_PANE="$TMUX_PANE" /bin/sh "$0"';

export function createTmux(of: {
  socket: string;
  holder: string;
  /** Where scripts lie until their pane has read them: a folder for its owner alone. */
  folder: string;
  environment?: NodeJS.ProcessEnv;
  programs?: Programs | undefined;
}): Tmux {
  const { socket, holder, folder, environment = process.env, programs = ownPrograms } = of;
  const tmux = ['tmux', ...serverFlags(socket)] as const;
  const env = serverEnvironment(environment);
  return {
    ensureHolder,
    has,
    start,
    endedWith,
    stop,
    panes,
    screen,
    capture,
    paste,
    pressEnter,
    client,
    followSize,
  };

  async function ensureHolder(): Promise<void> {
    if (await has(holder)) return;
    const made = await ask(newHolder(holder));
    // Somebody else may have made it in the meantime.
    if (made.failure !== undefined && !(await has(holder))) throw refusal('start its server', made.failure);
  }

  async function has(name: string): Promise<boolean> {
    return (await ask(['has-session', '-t', `=${name}`])).failure === undefined;
  }

  async function start(of: PaneLaunch & { name: string; stays?: boolean }): Promise<void> {
    const { name, stays = false, ...launch } = of;
    await ensureHolder();
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `${randomUUID()}.launch`);
    await writeFile(path, launchScript(launch, path), { mode: 0o600 });
    try {
      // Of more than one word tmux makes no shell's command line.
      const session = ['new-session', '-d', ...size, '-s', name, '/bin/sh', '-c', cleanly, path];
      const option = (key: string, value: string): string[] => [';', ...windowOption(name, key, value)];
      const kept = stays ? option('remain-on-exit', 'on') : [];
      const options = [...option('window-size', 'manual'), ...kept];
      await must(`start ${name}`, [...session, ...options]);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  async function endedWith(name: string): Promise<string[] | undefined> {
    // In this order: one that ends in between is gone, and not dead for ever.
    await ask(windowOption(name, 'remain-on-exit', 'off'));
    const { lines } = await ask(['display-message', '-p', '-t', `=${name}:`, '#{pane_dead}']);
    if (lines[0] === '0') return undefined;
    const said = await capture({ name, history: 100 }).catch((): string[] => []);
    await stop(name);
    return said.filter((line) => line.trim() !== '' && !line.startsWith('Pane is dead'));
  }

  async function stop(name: string): Promise<void> {
    await ask(['kill-session', '-t', `=${name}`]);
  }

  async function panes(): Promise<Pane[]> {
    // tmux keeps colons out of the names of sessions.
    const format = '#{pane_pid}:#{window_activity}:#{session_name}:#{pane_current_command}';
    const { lines } = await ask(['list-panes', '-a', '-F', format]);
    return lines.map((line) => {
      const [pid, writtenAt, session, ...command] = line.split(':');
      return Pane.parse({ pid, writtenAt, session, command: command.join(':') });
    });
  }

  async function screen(name: string): Promise<Screen> {
    const target = ['-t', `=${name}:`];
    const where = ['display-message', '-p', ...target, '#{cursor_x} #{cursor_y}'];
    const [cursor, ...lines] = await must(`read ${name}`, [...where, ';', 'capture-pane', '-p', ...target]);
    const [x, y] = (cursor ?? '').split(' ').map(Number);
    return Screen.parse({ lines, cursor: { x, y } });
  }

  async function capture({ name, history }: { name: string; history: number }): Promise<string[]> {
    return must(`read ${name}`, ['capture-pane', '-p', '-J', '-S', `-${history}`, '-t', `=${name}:`]);
  }

  async function paste(name: string, text: string): Promise<void> {
    const buffer = `mission-${randomUUID()}`;
    await must(`write to ${name}`, ['load-buffer', '-b', buffer, '-'], printable(text));
    // -p: bracketed, where the program has asked for that; -d: the buffer goes.
    await must(`write to ${name}`, ['paste-buffer', '-p', '-d', '-b', buffer, '-t', `=${name}:`]);
  }

  async function pressEnter(name: string): Promise<void> {
    await must(`write to ${name}`, ['send-keys', '-t', `=${name}:`, 'Enter']);
  }

  function client(name: string, mode: 'look' | 'type'): { argv: string[]; env: Record<string, string> } {
    const flags = mode === 'look' ? ['-r', '-f', 'read-only,ignore-size'] : [];
    const { TERM = 'screen' } = environment;
    return { argv: [...tmux, 'attach-session', ...flags, '-t', `=${name}:`], env: { ...env, TERM } };
  }

  /** A window of no fixed size would follow even a client whose size is to be ignored, where that is the only one. */
  async function followSize(name: string, follows: boolean): Promise<void> {
    await ask(windowOption(name, 'window-size', follows ? 'latest' : 'manual'));
  }

  async function must(to: string, args: readonly string[], input?: string): Promise<string[]> {
    const { lines, failure } = await ask(args, input);
    if (failure !== undefined) throw refusal(to, failure);
    return lines;
  }

  async function ask(args: readonly string[], input = ''): Promise<{ lines: string[]; failure?: string }> {
    const [program, ...flags] = tmux;
    const { exitCode, stdout, stderr, fault } = await programs.run({
      ...{ program, args: [...flags, ...args], cwd: process.cwd(), env, input },
      ...{ timeoutMs: answerWithinMs, maxBytes },
    });
    if (fault.includes('ENOENT')) throw new FleetRefusal('conflict', 'tmux is not found on PATH: install it');
    if (exitCode === 0) return { lines: stdout === '' ? [] : stdout.split('\n') };
    return { lines: [], failure: stderr.trim() || fault };
  }

  function refusal(to: string, failure: string): FleetRefusal {
    return new FleetRefusal('conflict', `tmux -L ${socket} did not ${to}: ${failure}`);
  }
}

/** Without the configuration of the person: their hooks, names and sizes are not meant for agents. */
export function serverFlags(socket: string): string[] {
  return ['-L', socket, '-f', '/dev/null', '-u'];
}

/** The command that makes the session which keeps the server up. */
export function newHolder(holder: string): string[] {
  return ['new-session', '-d', ...size, '-s', holder, 'sleep', 'infinity'];
}

function windowOption(name: string, key: string, value: string): string[] {
  return ['set-option', '-w', '-t', `=${name}:`, key, value];
}

/** A server lives for weeks and hands on what it has: nothing of the engine's own reaches it. */
function serverEnvironment({
  PATH,
  HOME,
  LANG,
  LC_ALL,
  SHELL,
  TMUX_TMPDIR,
}: NodeJS.ProcessEnv): Record<string, string> {
  const given = Object.entries({ PATH, HOME, LANG, LC_ALL, SHELL, TMUX_TMPDIR });
  return Object.fromEntries(given.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
