/** Kills what belongs to one engine, and nothing else: each process is found through the data directory. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dataPaths } from '../../activities/data-paths.ts';
import { exists } from '../../activities/files.ts';
import { RunnerIdentity, runFiles } from '../../activities/processes/spec.ts';
import { isAlive, processesOfRun, signal } from '../../activities/processes/tree.ts';
import type { EngineProcess } from '../quickstart/engine-process.ts';
import type { Random } from './random.ts';

/** A run whose runner lives. */
export interface LiveRun {
  /** Its folder, within the data directory. */
  name: string;
  folder: string;
  runner: RunnerIdentity;
}

/** Sessions of authors and reviewers, checks, and the steps of the local CI. */
export async function liveRuns(data: string): Promise<LiveRun[]> {
  const { root, sessions } = dataPaths(data);
  const folders = [
    ...(await subfolders(sessions, 1)),
    ...(await subfolders(join(root, 'checks'), 3)),
    ...(await subfolders(join(root, 'ci'), 2)),
  ];
  const found = await Promise.all(
    folders.map(async (folder): Promise<LiveRun[]> => {
      if (await exists(join(folder, runFiles.result))) return [];
      const runner = await readIdentity(join(folder, runFiles.runner));
      if (!runner || !isAlive(runner)) return [];
      return [{ name: folder.slice(root.length + 1), folder, runner }];
    }),
  );
  return found.flat();
}

async function subfolders(folder: string, depth: number): Promise<string[]> {
  if (depth === 0) return [folder];
  const names = await readdir(folder).catch(() => []);
  const deeper = await Promise.all(names.map((name) => subfolders(join(folder, name), depth - 1)));
  return deeper.flat();
}

/** What is being written, or was removed as we looked, is no identity yet or any more. */
async function readIdentity(path: string): Promise<RunnerIdentity | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text === '' ? undefined : RunnerIdentity.parse(JSON.parse(text));
}

export const targets = [
  'engine',
  'Temporal server',
  'runner of a session',
  'runner of checks or CI',
  'program of a session',
  'program of checks or CI',
] as const;
export type Target = (typeof targets)[number];

/** Kills a random process of a kind, and says which; undefined when none is alive. */
export async function killOne(of: {
  data: string;
  engine: EngineProcess;
  target: Target;
  random: Random;
}): Promise<string | undefined> {
  const { data, engine, target, random } = of;
  if (target === 'engine') {
    await engine.kill();
    return 'the engine';
  }
  if (target === 'Temporal server') {
    const server = await readIdentity(join(data, 'temporal.json'));
    if (!server || !isAlive(server)) return undefined;
    signal(server.pid, 'SIGKILL');
    return `pid ${server.pid}`;
  }
  const ofSessions = target.endsWith('of a session');
  const runs = (await liveRuns(data)).filter(({ name }) => name.startsWith('sessions/') === ofSessions);
  const run = random.pick(runs);
  if (!run) return undefined;
  const isRunner = target.startsWith('runner');
  const pid = isRunner ? run.runner.pid : random.pick(processesOfRun(run.folder));
  if (pid === undefined || (isRunner && !isAlive(run.runner))) return undefined;
  signal(pid, 'SIGKILL');
  return `${run.name} (pid ${pid})`;
}

/** Processes that still work for a data directory: by their tag, or because they name it in their command line. */
export async function processesOf(data: string): Promise<string[]> {
  const found = await Promise.all(
    (await readdir('/proc')).map(async (pid) => {
      if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
      const [command, environment] = await Promise.all(
        ['cmdline', 'environ'].map((name) => readFile(join('/proc', pid, name), 'utf8').catch(() => '')),
      );
      const ours = `${command ?? ''}\0${environment ?? ''}`.includes(`${data}/`);
      return ours ? [`pid ${pid}: ${(command ?? '').replaceAll('\0', ' ').trim()}`] : [];
    }),
  );
  return found.flat();
}
