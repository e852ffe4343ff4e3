/** What lies in a data directory, and whose it is by its name. What has no name of ours is nobody's business. */
import { lstat, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { DataPaths } from '../data-paths.ts';
import { exists, sizeOf } from '../files.ts';
import { RunnerIdentity, runFiles } from '../processes/spec.ts';
import { isAlive } from '../processes/tree.ts';

export interface Run {
  path: string;
  touchedAt: number;
  bytes: number;
  isAlive: boolean;
  isEmptied: boolean;
}

export interface Clone {
  path: string;
  touchedAt: number;
}

/** What there is of a task. */
export interface TaskThings {
  mission: string;
  task: string;
  /** Of sessions, reviews and checks. */
  runs: Run[];
  /** Its clone and home, and its checkouts. */
  clones: Clone[];
}

/** What there is of the CI of a commit. */
export interface CommitThings {
  repositoryId: string;
  sha: string;
  runs: Run[];
}

export interface Inventory {
  tasks: TaskThings[];
  commits: CommitThings[];
}

/** In a run's folder: its output was replaced. */
export const emptiedMark = 'emptied';

export async function takeInventory(paths: DataPaths): Promise<Inventory> {
  const tasks = new Map<string, TaskThings>();
  const commits = new Map<string, CommitThings>();

  for (const path of await inside(paths.sessions)) {
    const [mission, task, role] = basename(path).split('.');
    if (role !== undefined) thingsOf(mission, task)?.runs.push(await lookAtRun(path));
  }
  for (const [mission, task, folder] of await inTwo(join(paths.root, 'checks'))) {
    for (const path of await inside(folder)) thingsOf(mission, task)?.runs.push(await lookAtRun(path));
  }
  for (const [mission, task, path] of await inTwo(join(paths.root, 'work'))) {
    thingsOf(mission, task)?.clones.push(await lookAtClone(path));
  }
  for (const path of await inside(paths.checkouts)) {
    const [first, second, third, fourth] = basename(path).split('.');
    if (fourth !== undefined) thingsOf(first, second)?.clones.push(await lookAtClone(path));
    else if (first === 'ci' && second !== undefined && third !== undefined) commitOf(second, third);
  }
  for (const repository of await inside(join(paths.root, 'ci'))) {
    for (const path of await inside(repository)) {
      const [sha, base] = basename(path).split('-');
      if (sha === undefined || base === undefined) continue;
      commitOf(basename(repository), sha).runs.push(await lookAtRun(path));
    }
  }
  return { tasks: [...tasks.values()], commits: [...commits.values()] };

  function thingsOf(mission: string | undefined, task: string | undefined): TaskThings | undefined {
    if (mission === undefined || task === undefined) return undefined;
    const key = `${mission}/${task}`;
    const known = tasks.get(key) ?? { mission, task, runs: [], clones: [] };
    tasks.set(key, known);
    return known;
  }

  function commitOf(repositoryId: string, sha: string): CommitThings {
    const key = `${repositoryId}/${sha}`;
    const known = commits.get(key) ?? { repositoryId, sha, runs: [] };
    commits.set(key, known);
    return known;
  }
}

export async function isRunAlive(path: string): Promise<boolean> {
  const text = await readFile(join(path, runFiles.runner), 'utf8').catch(() => undefined);
  if (text === undefined) return false;
  try {
    return isAlive(RunnerIdentity.parse(JSON.parse(text)));
  } catch {
    // An agent may have written it: whoever watches the run says the same.
    return false;
  }
}

async function lookAtRun(path: string): Promise<Run> {
  const [touchedAt, bytes, alive, isEmptied] = await Promise.all([
    touched(join(path, runFiles.result)).then((at) => at ?? touched(path)),
    sizeOf(path),
    isRunAlive(path),
    exists(join(path, emptiedMark)),
  ]);
  return { path, touchedAt: touchedAt ?? Date.now(), bytes, isAlive: alive, isEmptied };
}

async function lookAtClone(path: string): Promise<Clone> {
  return { path, touchedAt: (await touched(path)) ?? Date.now() };
}

async function touched(path: string): Promise<number | undefined> {
  return lstat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}

async function inside(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.map((name) => join(folder, name));
}

/** The folders two levels down, with the names of both. */
async function inTwo(folder: string): Promise<[string, string, string][]> {
  const found: [string, string, string][] = [];
  for (const outer of await inside(folder)) {
    for (const path of await inside(outer)) found.push([basename(outer), basename(path), path]);
  }
  return found;
}
