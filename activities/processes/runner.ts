/**
 * The process that stays with a run: it starts the programs, keeps their output, and leaves the result.
 * It outlives the worker that started it, so it needs nothing but its folder.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
  writeSync,
  type FSWatcher,
} from 'node:fs';
import { join } from 'node:path';
import { hasRunOut } from './lease.ts';
import { isGreen, runFiles, RunSpec, type RunResult, type Step, type StepResult } from './spec.ts';
import { killRun, ownIdentity } from './tree.ts';

/** Often enough to stop a flood before it fills a disk. */
const busyCheckMs = 500;

/** While nothing is written. */
const quietCheckMs = 2_000;

/** Ends the step that is running now; nothing between two steps. */
type EndStep = (end: StepResult['end']) => void;

interface Output {
  /** When the program last told anything. */
  changedAt: number;
  /** A look at it that may wait for the next heartbeat: what costs most in a process at rest is waking it. */
  atBeat: () => void;
}

async function main(folder: string): Promise<void> {
  // Its terminal has gone, with tmux: that was only there to be looked at.
  process.on('SIGHUP', () => undefined);
  // Its folder was removed, or its disk is full: what nobody watches any more must not live on.
  process.on('uncaughtException', () => {
    killRun(folder);
    process.exit(1);
  });
  const spec = RunSpec.parse(JSON.parse(readFileSync(join(folder, runFiles.spec), 'utf8')));
  if (!claimRun(folder)) return;

  const stop: { asked: boolean; endStep: EndStep } = { asked: false, endStep: () => undefined };
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      stop.asked = true;
      stop.endStep('stopped');
    });
  }
  const output: Output = { changedAt: Date.now(), atBeat: () => undefined };
  const beat = setInterval(() => {
    touchHeartbeat(folder, output);
    output.atBeat();
  }, spec.heartbeatMs);
  touchHeartbeat(folder, output);

  const result: RunResult = { steps: [] };
  const show = await openScreen(folder, spec);
  for (const step of spec.steps) {
    const end = stop.asked ? 'stopped' : hasRunOut(spec.leaseFile) ? 'lease-ran-out' : undefined;
    const running = end ? Promise.resolve(notRun(step, end)) : runStep({ folder, spec, step, stop, output });
    const [outcome] = await Promise.all([running, show(running)]);
    result.steps.push(outcome);
    if (!isGreen(outcome)) break;
  }
  clearInterval(beat);
  // Whoever ends all processes of a machine has judged nothing: without a result the run is lost, and done again.
  if (stop.asked && !existsSync(join(folder, runFiles.stop))) return;
  replaceFile(join(folder, runFiles.result), JSON.stringify(result), { durable: true });
}

/** The link is the claim: however often a run is launched, its programs start once. */
function claimRun(folder: string): boolean {
  const path = join(folder, runFiles.runner);
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(ownIdentity()));
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft);
  }
}

/** Tells what the agent does to whoever looks; nothing of it matters to the run. */
async function openScreen(
  folder: string,
  { shown, env }: RunSpec,
): Promise<(running: Promise<unknown>) => Promise<void>> {
  const write = shown === undefined ? undefined : openTerminal();
  if (shown === undefined || write === undefined) return () => Promise.resolve();
  // Only here: what understands agents takes time to load, which scripts and checks have no use for.
  const { showAgent } = await import('../sessions/show-agent.ts');
  return (running) => showAgent({ folder, shown, env, running, write });
}

/**
 * Writes to the terminal of this process; undefined where it has none. What finds no room is left out: somebody may
 * have halted the terminal, and the run must not wait for them.
 */
function openTerminal(): ((text: string) => void) | undefined {
  try {
    const terminal = openSync('/dev/tty', constants.O_WRONLY | constants.O_NONBLOCK);
    return (text) => {
      try {
        writeSync(terminal, text);
      } catch {
        // Full, or gone.
      }
    };
  } catch {
    return undefined;
  }
}

function notRun(step: Step, end: StepResult['end']): StepResult {
  const now = Date.now();
  return { name: step.name, end, exitCode: null, startedAt: now, endedAt: now };
}

async function runStep(of: {
  folder: string;
  spec: RunSpec;
  step: Step;
  stop: { endStep: EndStep };
  output: Output;
}): Promise<StepResult> {
  const { folder, spec, step, output } = of;
  const startedAt = Date.now();
  const outputs = [...new Set([step.stdout, step.stderr])].map((name) => join(folder, name));
  const stdin = openSync(step.stdin === null ? '/dev/null' : join(folder, step.stdin), 'r');
  const stdout = openSync(join(folder, step.stdout), 'a');
  const stderr = openSync(join(folder, step.stderr), 'a');
  let timeout: NodeJS.Timeout | undefined;
  let outputCheck: NodeJS.Timeout | undefined;
  let grace: NodeJS.Timeout | undefined;
  const writes = new Writes(outputs);
  try {
    const ended = await new Promise<Pick<StepResult, 'end' | 'exitCode'>>((resolve) => {
      let reason: StepResult['end'] = 'exited';
      const [program = '', ...args] = step.argv;
      const child = spawn(program, args, {
        cwd: spec.cwd,
        env: spec.env,
        stdio: [stdin, stdout, stderr],
        // Without our terminal: a tool that asks a person on it would wait for ever.
        detached: true,
      });
      const endStep: EndStep = (end) => {
        reason = end;
        // Another host may take the work up from the moment that a lease has run out.
        if (step.graceMs === undefined || end === 'lease-ran-out') return killRun(folder);
        child.kill();
        grace ??= setTimeout(() => killRun(folder), step.graceMs);
      };
      of.stop.endStep = endStep;
      child.on('error', (error) => {
        writeFileSync(join(folder, step.stderr), `${error.message}\n`, { flag: 'a' });
        resolve({ end: 'unstartable', exitCode: null });
      });
      child.on('exit', (code) => resolve({ end: reason, exitCode: reason === 'exited' ? code : null }));
      let waitedMs = 0;
      let checkedAt = startedAt;
      output.changedAt = startedAt;
      /** Its time and its silence do not count while it waits for a person. */
      const countWaiting = (): boolean => {
        const now = Date.now();
        const waits = step.waits !== undefined && existsSync(join(folder, step.waits));
        if (waits) {
          waitedMs += now - checkedAt;
          output.changedAt = now;
        }
        checkedAt = now;
        return waits;
      };
      const endInTime = (): void => {
        countWaiting();
        const leftMs = startedAt + step.timeoutMs + waitedMs - Date.now();
        if (leftMs <= 0) return endStep('timed-out');
        timeout = setTimeout(endInTime, leftMs);
      };
      endInTime();
      let bytes = 0;
      const check = (): void => {
        output.atBeat = () => undefined;
        const waits = countWaiting();
        const before = bytes;
        bytes = totalBytes(outputs);
        if (bytes !== before) output.changedAt = Date.now();
        if (bytes > spec.maxOutputBytes) return endStep('flooded');
        if (step.stallMs !== undefined && Date.now() - output.changedAt > step.stallMs) {
          return endStep('stalled');
        }
        if (hasRunOut(spec.leaseFile)) return endStep('lease-ran-out');
        if (bytes !== before) {
          writes.close();
          return checkAgain(busyCheckMs);
        }
        // A lease may be made shorter at any time, and a person may answer.
        const mayRest = writes.next(() => checkAgain(0)) && spec.leaseFile === undefined && !waits;
        if (totalBytes(outputs) !== bytes) return checkAgain(0);
        const stallLeftMs = (step.stallMs ?? Infinity) - (Date.now() - output.changedAt);
        if (!mayRest) return checkAgain(Math.min(quietCheckMs, stallLeftMs + 1));
        clearTimeout(outputCheck);
        if (stallLeftMs < spec.heartbeatMs) return checkAgain(stallLeftMs + 1);
        // The file system tells when something is written.
        output.atBeat = check;
      };
      const checkAgain = (inMs: number): void => {
        clearTimeout(outputCheck);
        outputCheck = setTimeout(check, inMs);
      };
      checkAgain(busyCheckMs);
    });
    // What the program left running could write into the work that is judged next.
    killRun(folder);
    return { name: step.name, ...ended, startedAt, endedAt: Date.now() };
  } finally {
    of.stop.endStep = () => undefined;
    clearTimeout(timeout);
    clearTimeout(outputCheck);
    clearTimeout(grace);
    output.atBeat = () => undefined;
    writes.close();
    for (const file of [stdin, stdout, stderr]) closeSync(file);
  }
}

/** Tells of the next write to one of some files. */
class Writes {
  readonly #paths: readonly string[];
  #watchers: FSWatcher[] = [];

  constructor(paths: readonly string[]) {
    this.#paths = paths;
  }

  /** Answers whether it can: a machine has only so many watches. */
  next(onWrite: () => void): boolean {
    if (this.#watchers.length > 0) return true;
    const tell = (): void => {
      // A flood of them would leave no time for anything else.
      this.close();
      onWrite();
    };
    try {
      for (const path of this.#paths) this.#watchers.push(watch(path, tell).on('error', tell));
      return true;
    } catch {
      this.close();
      return false;
    }
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
  }
}

function totalBytes(paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + statSync(path).size, 0);
}

function touchHeartbeat(folder: string, output: Pick<Output, 'changedAt'>): void {
  const lastEvent = new Date(output.changedAt).toISOString();
  const line = `ts=${new Date().toISOString()} pid=${process.pid} status=running last_event=${lastEvent}\n`;
  // After the machine's death nobody asks for it.
  replaceFile(join(folder, runFiles.heartbeat), line, { durable: false });
}

function replaceFile(path: string, text: string, { durable }: { durable: boolean }): void {
  const draft = `${path}.${process.pid}`;
  const file = openSync(draft, 'w');
  writeFileSync(file, text);
  if (durable) fsyncSync(file);
  closeSync(file);
  renameSync(draft, path);
}

const folder = process.argv[2];
if (folder === undefined) {
  process.stderr.write('usage: runner FOLDER\n');
  process.exit(64);
}
await main(folder);
