/** Programs that are run to their end, for what they print. */
import { execa } from 'execa';
import { z } from 'zod';

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

export type RunProgram = (run: ProgramRun) => Promise<ProgramEnd>;

export async function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  const result = await execa(run.program, run.args, {
    cwd: run.cwd,
    env: run.env,
    extendEnv: false,
    ...(run.input === undefined ? { stdin: 'ignore' } : { input: run.input }),
    timeout: run.timeoutMs,
    maxBuffer: run.maxBytes,
    reject: false,
  });
  const { exitCode = null, stdout, stderr, shortMessage = '' } = result;
  // Half of an answer is none, however the program ended.
  return { exitCode: result.isMaxBuffer ? null : exitCode, stdout, stderr, fault: shortMessage };
}
