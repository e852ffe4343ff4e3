import { access, constants, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { exists } from '../files.ts';

export type FindProgram = (name: string) => Promise<string | undefined>;

/** npm answers in half a second; one that hangs must not hold up the rest. */
const npmMs = 10_000;

/**
 * Finds programs where agents are installed: on PATH, in the folders that installers use without telling PATH, and at
 * npm's prefix. A service has a shorter PATH than the person who installed them.
 */
export function createFindProgram(environment: NodeJS.ProcessEnv = process.env): FindProgram {
  const folders = personalFolders(environment);
  let ofNpm: Promise<string[]> | undefined;
  return async (name) => {
    const found = await findIn(folders, name);
    if (found !== undefined) return found;
    ofNpm ??= npmFolders(environment);
    return findIn(await ofNpm, name);
  };
}

/** All of those folders, as the PATH of a program that the engine starts. */
export async function searchPath(environment: NodeJS.ProcessEnv = process.env): Promise<string> {
  const folders = [...personalFolders(environment), ...(await npmFolders(environment))];
  return [...new Set(folders)].join(delimiter);
}

/** The program of that name in the first folder of a PATH that has it. */
export function findOnPath(name: string, path: string): Promise<string | undefined> {
  return findIn(path.split(delimiter), name);
}

/** The PATH that the roster gives a runtime comes before all other places; places that are not there are left out. */
export async function pathFor(of: { own: string | undefined; searched: string }): Promise<string> {
  const folders = [of.own ?? '', of.searched].flatMap((path) => path.split(delimiter));
  const there: string[] = [];
  for (const folder of new Set(folders)) if (folder !== '' && (await exists(folder))) there.push(folder);
  return there.join(delimiter);
}

function personalFolders({ PATH = '', HOME = homedir() }: NodeJS.ProcessEnv): string[] {
  const folders = PATH.split(delimiter).filter((folder) => folder !== '');
  return [...folders, join(HOME, '.npm-global/bin'), join(HOME, '.local/bin')];
}

async function npmFolders(environment: NodeJS.ProcessEnv): Promise<string[]> {
  const { exitCode, stdout } = await execa('npm', ['prefix', '--global'], {
    env: environment,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    timeout: npmMs,
  });
  return exitCode === 0 && stdout.trim() !== '' ? [join(stdout.trim(), 'bin')] : [];
}

async function findIn(folders: readonly string[], name: string): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, name);
    if (await isProgram(path)) return path;
  }
  return undefined;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
