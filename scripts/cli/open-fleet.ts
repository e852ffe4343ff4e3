import { resolve } from 'node:path';
import { createFleet, type Fleet } from '../../activities/fleet/fleet.ts';
import { readRosterFile, rosterPath } from '../../workers/roster-file.ts';

/** The fleet of a data directory, if its agents run in tmux. */
export async function openFleet(data: string): Promise<Fleet> {
  const folder = resolve(data);
  const { path, found, roster } = await readRosterFile(rosterPath(folder));
  if (!found) throw new Error(`there is no ${path}: write one with \`mission fleet init\``);
  if (roster.transport === 'tmux') return createFleet({ roster, data: folder });
  throw new Error(`the agents of ${path} run without a terminal (transport: ${roster.transport}): set tmux`);
}

/** What was done with one of several agents. */
export interface Done {
  name: string;
  done: string;
  message?: string;
}

/** Goes on with the others where one fails: they have nothing to do with each other. */
export async function forEach<Each extends { name: string }>(
  all: readonly Each[],
  act: (each: Each) => Promise<string>,
): Promise<Done[]> {
  const done: Done[] = [];
  for (const each of all) {
    const { name } = each;
    try {
      done.push({ name, done: await act(each) });
    } catch (error) {
      done.push({ name, done: 'failed', message: error instanceof Error ? error.message : String(error) });
    }
  }
  return done;
}

/** Since when, in the largest unit that fits. */
export function ageOf(at: number | undefined, now: number): string {
  if (at === undefined) return '-';
  const seconds = Math.max(0, Math.round((now - at) / 1_000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
