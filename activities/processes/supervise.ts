import { watch, type FSWatcher } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { exists, replaceFile } from '../files.ts';
import { KeyedLock } from '../keyed-lock.ts';
import type { Watch } from '../supervision.ts';
import { ownPrograms, type Programs } from './programs.ts';
import { runFiles, RunnerIdentity, RunResult, RunSpec } from './spec.ts';
import { isAlive, killRun, signal } from './tree.ts';

/** How a run ended: its result, or `lost` when the runner is gone and has left none. */
export type RunEnd = { kind: 'ended'; result: RunResult } | { kind: 'lost' };

/** The watch on the folder tells at once, but not that a runner was killed. */
const lookAgainMs = 2_000;

/** How many such looks are at the runner alone, before one at the files too: a file system may not report them. */
const quietLooks = 15;

/** A runner that was asked to end kills its tree and is done: more than this, and it hangs. */
const endWithinMs = 10_000;

/** How long a runner may take from its launch to its claim: a node process on a loaded machine. */
const claimWithinMs = 30_000;

/**
 * V8 tidies the heap of whoever has nothing to do. Of a runner, which rests between its heartbeats, that is nine tenths
 * of its work: four beats took 26 ms without this and 3 ms with it (Node 20.20; 20.19, 22.23 and 24.21 know the option too).
 */
const restful = '--no-memory-reducer';

export interface Supervision {
  /** Names the run: no other on this machine has the same, whichever engine started it. */
  folder: string;
  /** What to run, and the files it reads. Asked only when the run does not exist yet. */
  prepare: () => Promise<{ spec: RunSpec; files?: Record<string, string> }>;
  watch: Watch;
  /** The session that people may watch, by its id. Without it, or where there are no terminals, the run has none. */
  session?: string;
}

/** Starts a program in a terminal of its own, without any of our environment. Throws where it can't. */
export type OpenTerminal = (of: {
  session: string;
  cwd: string;
  argv: [string, ...string[]];
}) => Promise<void>;

/** How the engine runs programs; the same for sessions, checks, CI and reviewers. */
export interface Processes {
  /** How often a runner touches its heartbeat file. */
  heartbeatMs: number;
  /** Above this much output a step is ended. */
  maxOutputBytes: number;
  /**
   * Sees a run to its end: launches it if it never was, attaches if its runner lives, reads the result if it has
   * ended. Safe to call again after any crash, and by several at once. When the watching ends early the run lives
   * on, unless it was asked to stop: then it is gone when this throws.
   */
  supervise(of: Supervision): Promise<RunEnd>;
  /** Ends a run, and sees that none of its processes is left. A run that never was is no error. */
  stop(folder: string): Promise<void>;
}

/**
 * `runner` is the built runner program. `warn` hears why a session that was to have a terminal has none. With `leaseFile`
 * all runs end when that lease runs out.
 */
export function createProcesses(of: {
  runner: string;
  openTerminal?: OpenTerminal | undefined;
  programs?: Programs;
  warn?: (message: string) => void;
  heartbeatMs?: number;
  maxOutputBytes?: number;
  leaseFile?: string | undefined;
}): Processes {
  const { heartbeatMs = 15_000, maxOutputBytes = 64 * 1024 * 1024, leaseFile } = of;
  // An attempt that Temporal has given up for dead may still be preparing when the next one comes.
  const preparing = new KeyedLock();
  return { heartbeatMs, maxOutputBytes, supervise, stop };

  async function supervise(run: Supervision): Promise<RunEnd> {
    try {
      await preparing.with(run.folder, () => prepareFolder(run, leaseFile));
      // One that fails leaves no claim, and is tried again.
      return await watchRun(run, () => void launch(run).catch(() => undefined));
    } catch (error) {
      if (run.watch.stopAsked()) await stop(run.folder);
      throw error;
    }
  }

  /** However often and by whichever way it is launched, the runner that claims the run is the only one that starts it. */
  async function launch({ folder, session }: Supervision): Promise<void> {
    const { runner, openTerminal, programs = ownPrograms, warn = () => undefined } = of;
    const argv: [string, ...string[]] = [process.execPath, restful, runner, folder];
    if (session === undefined || !openTerminal) return programs.launch({ argv, cwd: folder });
    try {
      await openTerminal({ session, cwd: folder, argv });
    } catch (error) {
      // A terminal is there to be looked at: no session waits for one.
      const why = error instanceof Error ? error.message : String(error);
      warn(`the session ${session} runs without a terminal: ${why}`);
      programs.launch({ argv, cwd: folder });
    }
  }
}

async function watchRun(of: Supervision, launch: () => void): Promise<RunEnd> {
  const changes = new FolderChanges(of.folder);
  const wake = (): void => changes.wake();
  of.watch.detach.addEventListener('abort', wake);
  try {
    let launchedAt: number | undefined;
    let claim: RunnerIdentity | undefined;
    for (;;) {
      of.watch.detach.throwIfAborted();
      const result = await readJson(join(of.folder, runFiles.result), RunResult);
      if (result) return { kind: 'ended', result };
      // What was seen stays known: a program may remove the file, and would be started a second time.
      claim = (await readJson(join(of.folder, runFiles.runner), RunnerIdentity)) ?? claim;
      if (claim && !isAlive(claim)) return await concludeDead(of);
      // A program may remove the whole folder: then no runner can ever leave a result in it.
      if (!(await exists(join(of.folder, runFiles.spec)))) return await concludeDead(of);
      if (!claim && (launchedAt === undefined || Date.now() - launchedAt > claimWithinMs)) {
        launch();
        launchedAt = Date.now();
      }
      for (let look = 0; look < quietLooks; look++) {
        if ((await changes.next()) || !claim || !isAlive(claim)) break;
      }
    }
  } finally {
    of.watch.detach.removeEventListener('abort', wake);
    changes.close();
  }
}

/** Asks a run to end, waits until its runner has, and kills what a dead runner left behind. */
async function stop(folder: string): Promise<void> {
  // A runner that is ended by anybody else leaves no result: see `runner.ts`.
  await writeFile(join(folder, runFiles.stop), '').catch(() => undefined);
  const path = join(folder, runFiles.runner);
  await forestall(path);
  const runner = await readJson(path, RunnerIdentity);
  if (runner && isAlive(runner)) {
    signal(runner.pid, 'SIGTERM');
    const changes = new FolderChanges(folder);
    const deadline = Date.now() + endWithinMs;
    while (isAlive(runner)) {
      if (Date.now() > deadline) signal(runner.pid, 'SIGKILL');
      await changes.next();
    }
    changes.close();
  }
  killRun(folder);
}

/** Takes the claim of a run whose runner has not come up yet, so that it ends without starting anything. */
async function forestall(path: string): Promise<void> {
  const nobody: RunnerIdentity = { pid: 0, startTime: 'stopped before it started' };
  await writeFile(path, JSON.stringify(nobody), { flag: 'wx' }).catch(() => undefined);
}

/** The runner may have written its result between our two looks. */
async function concludeDead(of: Supervision): Promise<RunEnd> {
  const result = await readJson(join(of.folder, runFiles.result), RunResult);
  if (result) return { kind: 'ended', result };
  killRun(of.folder);
  return { kind: 'lost' };
}

/** Intent before the spawn: the spec is complete on disk, or it is not there. */
async function prepareFolder(of: Supervision, leaseFile: string | undefined): Promise<void> {
  if (await readJson(join(of.folder, runFiles.spec), RunSpec)) return;
  const { spec, files = {} } = await of.prepare();
  await mkdir(of.folder, { recursive: true });
  for (const [name, text] of Object.entries(files))
    await replaceFile(join(of.folder, name), text, { durable: true });
  await replaceFile(join(of.folder, runFiles.spec), JSON.stringify({ ...spec, leaseFile }), {
    durable: true,
  });
}

/**
 * Tells of changes in a folder, those between two calls of `next` too; what a program writes of its output is none.
 * Where the file system reports nothing, or the machine has no watches left, `next` still returns after a moment.
 */
class FolderChanges {
  readonly #watcher: FSWatcher | undefined;
  #changed = false;
  #resolve: () => void = () => undefined;

  constructor(folder: string) {
    this.#watcher = tryWatch(folder, () => this.wake());
  }

  wake(): void {
    this.#changed = true;
    this.#resolve();
  }

  /** Answers whether there was a change. */
  async next(): Promise<boolean> {
    if (!this.#changed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, lookAgainMs);
        this.#resolve = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  close(): void {
    this.#watcher?.close();
  }
}

function tryWatch(folder: string, onChange: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, (_, name) => {
      if (name === null || !isNoise(name)) onChange();
    });
    return watcher.on('error', onChange);
  } catch {
    return undefined;
  }
}

/** What is written all the time, and tells nothing of a run's beginning or end. */
function isNoise(name: string): boolean {
  return name.endsWith('.jsonl') || name.endsWith('.log') || name.startsWith(runFiles.heartbeat);
}

async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
