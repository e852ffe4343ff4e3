/** Sessions of missions in the fleet's tmux, for people to look at. */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Roster } from '../../schema/contracts/roster.ts';
import type { Programs } from '../processes/programs.ts';
import type { OpenTerminal } from '../processes/supervise.ts';
import { createTmux } from './tmux.ts';

/**
 * What the terminal of a session is called in tmux: `greetings.T-001.author.1` is `greetings/T-001/author/1@1f0c9a2b`,
 * since tmux takes no dots. The end stands for the data directory: several engines may share a socket.
 */
export function sessionTerminal({ session, data }: { session: string; data: string }): string {
  const mark = createHash('sha256').update(realPath(data)).digest('hex').slice(0, 8);
  return `${session.replaceAll('.', '/')}@${mark}`;
}

/** Whether a terminal is that of a session, of whatever data directory: no agent's name has a slash. */
export function isSessionTerminal(terminal: string): boolean {
  return terminal.includes('/');
}

/** Whether a name is that of a session: no agent's name has a dot. */
export function isSession(name: string): boolean {
  return name.includes('.');
}

/** The engine's way to the terminals of a roster; undefined where that wants none. */
export function createOpenTerminal(of: {
  roster: Roster;
  data: string;
  environment?: NodeJS.ProcessEnv;
  programs?: Programs;
}): OpenTerminal | undefined {
  const { roster, data, environment = process.env, programs } = of;
  if (roster.transport !== 'tmux') return undefined;
  const { socketName: socket, holderSession: holder } = roster.tmux;
  const tmux = createTmux({ socket, holder, folder: join(data, 'fleet'), environment, programs });
  // The pane goes with its program: the next session has a terminal of its own.
  return ({ session, ...launch }) =>
    tmux.start({ name: sessionTerminal({ session, data }), ...launch, env: {} });
}

/** The engine and a person may know the same folder by different names. */
function realPath(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return resolve(folder);
  }
}
