import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { exists, removeTree } from '../files.ts';
import type { Room } from '../sessions/room.ts';
import type { Watch } from '../supervision.ts';
import { programEnvironment } from './environment.ts';
import { isGreen, runFiles, type StepResult } from './spec.ts';
import type { Processes } from './supervise.ts';

export interface ShellStep {
  name: string;
  command: string;
  timeoutMs: number;
}

export interface StepOutcome extends StepResult {
  log: string;
  /** Why it was ended, where that is not told by its end. */
  reason?: string;
}

/** A machine may go down once or twice while steps run; a run that is lost every time is a failure of its own. */
const maxLost = 3;

interface StepsRun {
  folder: string;
  /** Made for this run, and gone when it has ended. */
  checkout: { folder: string; repository: string; home: string };
  steps: ShellStep[];
  /** Puts the files to judge into the folder `repository`. */
  checkOut: (folder: string) => Promise<void>;
  processes: Processes;
  room: Pick<Room, 'limit'>;
  watch: Watch;
}

/**
 * Runs shell commands one after another in a fresh checkout and stops at the first that is not green.
 * Survives the worker: a later call with the same folder attaches to the run or reads its result. Steps have no
 * effect outside their checkout, so a run that was lost or killed is simply done again. One whose checkout has grown
 * above what it may take is ended, and red.
 */
export async function runSteps(of: StepsRun): Promise<StepOutcome[]> {
  for (let lost = 0; lost < maxLost; lost++) {
    const run = of.processes
      .supervise({
        folder: of.folder,
        prepare: async () => {
          await of.checkOut(of.checkout.repository);
          await mkdir(of.checkout.home, { recursive: true });
          return { spec: stepsSpec(of) };
        },
        watch: of.watch,
      })
      .catch(async (error: unknown) => {
        if (of.watch.stopAsked()) await forget(of);
        throw error;
      });
    const { end, tooLarge: reason } = await of.room.limit({
      session: of.folder,
      folders: [of.checkout.folder],
      run,
      stop: () => of.processes.stop(of.folder),
    });
    if (end.kind === 'ended' && end.result.steps.some((step) => step.end === 'lease-ran-out')) {
      await forget(of);
      // No verdict: they are asked for again, on another host if this one is gone.
      throw new Error(`the steps in ${of.folder} were ended: the lease of this host ran out`);
    }
    if (end.kind === 'ended' && (lost === maxLost - 1 || !end.result.steps.some(wasKilled))) {
      await removeTree(of.checkout.folder);
      return end.result.steps.map((step, index) => ({
        ...step,
        log: join(of.folder, logName(index)),
        ...(step.end === 'stopped' && reason !== undefined ? { reason } : {}),
      }));
    }
    await forget(of);
  }
  throw new Error(`the steps in ${of.folder} were lost ${maxLost} times: something ends their runner`);
}

/** Ends steps that nobody waits for any more. The logs of those that have ended stay. */
export async function stopSteps(of: Pick<StepsRun, 'folder' | 'checkout' | 'processes'>): Promise<void> {
  if (await exists(join(of.folder, runFiles.result))) return;
  await of.processes.stop(of.folder);
  await forget(of);
}

/** Steps that were stopped, lost or killed have judged nothing: whoever asks next begins anew. */
async function forget(of: Pick<StepsRun, 'folder' | 'checkout'>): Promise<void> {
  await removeTree(of.checkout.folder);
  await rm(of.folder, { recursive: true, force: true });
}

function stepsSpec(of: Pick<StepsRun, 'folder' | 'checkout' | 'steps' | 'processes'>) {
  return {
    cwd: of.checkout.repository,
    env: programEnvironment({ run: of.folder, home: of.checkout.home }),
    steps: of.steps.map((step, index) => ({
      name: step.name,
      argv: ['sh', '-c', step.command],
      timeoutMs: step.timeoutMs,
      stdin: null,
      stdout: logName(index),
      stderr: logName(index),
    })),
    maxOutputBytes: of.processes.maxOutputBytes,
    heartbeatMs: of.processes.heartbeatMs,
  };
}

function logName(index: number): string {
  return `step-${index + 1}.log`;
}

/**
 * Whether a step was ended by a signal: memory ran out, or somebody killed it. That is no verdict, and is not kept as
 * one. 137 is how a shell tells that its program was killed.
 */
function wasKilled({ end, exitCode }: StepResult): boolean {
  return end === 'exited' && (exitCode === null || exitCode === 137);
}

/** The first step that is not green; undefined when all are. */
export function firstFailure(outcomes: readonly StepOutcome[]): StepOutcome | undefined {
  return outcomes.find((outcome) => !isGreen(outcome));
}

export function describeEnd(step: StepResult & Pick<StepOutcome, 'reason'>): string {
  if (step.reason !== undefined) return `was ended: ${step.reason}`;
  return step.end === 'exited' ? `ended with exit code ${step.exitCode ?? 'unknown'}` : step.end;
}

/** Enough to see the failure, little enough for a prompt and a workflow's history. */
const excerptBytes = 4_000;

/** The end of a log, cut at a line, with the cut stated. */
export async function excerptOf(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const length = Math.min(size, excerptBytes);
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const text = buffer.toString('utf8').replaceAll('\0', '');
    if (size <= excerptBytes) return text;
    return `[the first ${size - length} bytes are left out]\n${text.slice(text.indexOf('\n') + 1)}`;
  } finally {
    await file.close();
  }
}
