import * as z from 'zod';

/** One program of a run. Its output goes straight to files: a pipe to the worker would die with the worker. */
export const Step = z.object({
  name: z.string(),
  argv: z.array(z.string()).min(1),
  timeoutMs: z.number(),
  /** After this long without output the step is ended as `stalled`; never, if it is missing. */
  stallMs: z.number().optional(),
  /** How long the program has to end by itself when it is asked to; without it, it is killed at once. */
  graceMs: z.number().optional(),
  /** While this file of the run's folder stands, the program waits for a person: its time and its silence don't count. */
  waits: z.string().optional(),
  stdin: z.string().nullable(),
  stdout: z.string(),
  stderr: z.string(),
});
export type Step = z.infer<typeof Step>;

/** What the runner tells in its terminal, if it has one. */
export const Shown = z.object({
  title: z.string(),
  /** Whose output it is: an agent's. Not checked here, since every runner reads this. */
  runtime: z.string(),
  output: z.string(),
  /** Names of the environment whose values are not shown. */
  hidden: z.array(z.string()),
});
export type Shown = z.infer<typeof Shown>;

/** What the runner is asked to do: its folder's `spec.json`. */
export const RunSpec = z.object({
  cwd: z.string(),
  env: z.record(z.string(), z.string()),
  steps: z.array(Step).min(1),
  /** Above this many bytes of output the step is ended as `flooded`. */
  maxOutputBytes: z.number(),
  /** How often the runner touches its `heartbeat` file. */
  heartbeatMs: z.number(),
  /** The lease that the run lives by, see `lease.ts`; without one it lives until its programs end. */
  leaseFile: z.string().optional(),
  shown: Shown.optional(),
});
export type RunSpec = z.infer<typeof RunSpec>;

/** The process that stays. The start time tells it from a later process with the same pid. */
export const RunnerIdentity = z.object({ pid: z.int(), startTime: z.string() });
export type RunnerIdentity = z.infer<typeof RunnerIdentity>;

export const StepResult = z.object({
  name: z.string(),
  end: z.enum(['exited', 'timed-out', 'stalled', 'flooded', 'stopped', 'unstartable', 'lease-ran-out']),
  exitCode: z.number().nullable(),
  startedAt: z.number(),
  endedAt: z.number(),
});
export type StepResult = z.infer<typeof StepResult>;

/** The runner's last word, `exit.json`. Steps stop at the first that is not green. */
export const RunResult = z.object({ steps: z.array(StepResult) });
export type RunResult = z.infer<typeof RunResult>;

export function isGreen(step: StepResult): boolean {
  return step.end === 'exited' && step.exitCode === 0;
}

export const runFiles = {
  spec: 'spec.json',
  runner: 'runner.json',
  heartbeat: 'heartbeat',
  result: 'exit.json',
  /** Written before a runner is asked to end: without it, its end is no result. */
  stop: 'stop',
} as const;

/** In the environment of everything a run starts, with the run's folder: so the whole tree can be found again. */
export const runTag = 'MISSION_RUN';
