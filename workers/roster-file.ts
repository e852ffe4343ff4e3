/** Reads `roster.yaml`, the operator's list of agents. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Roster } from '../schema/contracts/roster.ts';
import { readLocated } from './located-yaml.ts';

export interface RosterFile {
  path: string;
  /** Without a file the roster has no agents, and the defaults. */
  found: boolean;
  /** Its paths are absolute. */
  roster: Roster;
}

export function rosterPath(data: string): string {
  return join(data, 'roster.yaml');
}

/** Throws an error that names file, line, column, key and remedy of each fault. */
export async function readRosterFile(path: string): Promise<RosterFile> {
  const text = await readText(path);
  if (text === undefined) {
    return { path, found: false, roster: withAbsolutePaths(Roster.parse({ version: 1 }), path) };
  }
  const read = readLocated(Roster, text);
  if ('value' in read) return { path, found: true, roster: withAbsolutePaths(read.value, path) };
  const lines = read.faults.map(
    ({ line, column, key, message }) =>
      `${path}:${line}:${column}: ${key === '' ? '' : `${key}: `}${message}`,
  );
  throw new Error(
    lines.length === 1 ? lines.join() : [`${path}: ${lines.length} faults`, ...lines].join('\n  '),
  );
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    if (code === 'ENOENT') return undefined;
    throw new Error(`${path} can not be read (${code}): check the path`);
  }
}

function withAbsolutePaths(roster: Roster, path: string): Roster {
  const absolute = (written: string): string =>
    resolve(
      dirname(path),
      written.replace(/^~(?=\/|$)/, () => homedir()),
    );
  return {
    ...roster,
    defaults: { workingDirectory: absolute(roster.defaults.workingDirectory) },
    agents: roster.agents.map((agent) =>
      agent.workingDirectory === undefined
        ? agent
        : { ...agent, workingDirectory: absolute(agent.workingDirectory) },
    ),
  };
}
