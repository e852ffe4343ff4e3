/** Programs that are run to their end, for what they print, and those that are sent on their way. */
import { spawn } from 'node:child_process';
import { execa } from 'execa';
import { z } from 'zod';
import { processTree, signal } from './tree.ts';

export const ProgramRun = z.object({
  program: z.string(),
  args: z.array(z.string()),
  cwd: z.string(),
  /** All of it: nothing is inherited. */
  env: z.record(z.string(), z.string()),
  /** What it reads; without it there is nothing to read. */
  input: z.string().optional(),
  timeoutMs: z.number(),
  /** Above this much output it is ended. */
  maxBytes: z.number(),
});
export type ProgramRun = z.infer<typeof ProgramRun>;

/** `exitCode` is null when it did not come to an end of its own, and `fault` says why. */
export const ProgramEnd = z.object({
  exitCode: z.number().nullable(),
  stdout: z.string(),
  stderr: z.string(),
  fault: z.string(),
});
export type ProgramEnd = z.infer<typeof ProgramEnd>;

/** A program that goes on by itself, without an environment. */
export const ProgramLaunch = z.object({ argv: z.tuple([z.string()], z.string()), cwd: z.string() });
export type ProgramLaunch = z.infer<typeof ProgramLaunch>;

export type RunProgram = (run: ProgramRun) => Promise<ProgramEnd>;

/** How programs are started. */
export interface Programs {
  run: RunProgram;
  /** Nobody hears whether it came up: whoever launches has to look. */
  launch: (launch: ProgramLaunch) => void;
}

/** By this very process. */
export const ownPrograms: Programs = { run: runProgram, launch: launchProgram };

/** With a session of its own: it lives on when this process ends. */
function launchProgram({ argv, cwd }: ProgramLaunch): void {
  const [program, ...args] = argv;
  const child = spawn(program, args, { detached: true, stdio: 'ignore', cwd, env: {} });
  child.on('error', () => undefined);
  child.unref();
}

/** What takes too long is ended with all that it has started: git's helpers would hold its output open. */
async function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  const running = execa(run.program, run.args, {
    cwd: run.cwd,
    env: run.env,
    extendEnv: false,
    ...(run.input === undefined ? { stdin: 'ignore' } : { input: run.input }),
    maxBuffer: run.maxBytes,
    reject: false,
  });
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort();
    const tree = running.pid === undefined ? [] : processTree(running.pid);
    for (const { pid } of tree) signal(pid, 'SIGKILL');
  }, run.timeoutMs);
  const result = await running.finally(() => clearTimeout(timer));
  const timedOut = late.signal.aborted;
  const { exitCode = null, stdout, stderr, shortMessage = '' } = result;
  // Half of an answer is none, however the program ended.
  const isWhole = !timedOut && !result.isMaxBuffer;
  const fault = timedOut ? `timed out after ${run.timeoutMs} ms: ${shortMessage}` : shortMessage;
  return { exitCode: isWhole ? exitCode : null, stdout, stderr, fault };
}
