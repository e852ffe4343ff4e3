import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary.ts';
import { until } from '../../test/support/until.ts';
import { builtFolder } from '../../schema/package-root.ts';
import type { Watch } from '../supervision.ts';
import { exists } from '../files.ts';
import { programEnvironment } from './environment.ts';
import { runFiles, RunnerIdentity, type RunSpec } from './spec.ts';
import { createLease, hasRunOut } from './lease.ts';
import { createProcesses, type Supervision } from './supervise.ts';
import { isAlive, processesOfRun } from './tree.ts';

const processes = createProcesses({ runner: join(builtFolder(), 'runner.js') });

interface TestRun extends Supervision {
  work: string;
  detach: () => void;
  stop: () => void;
}

/** A run of one shell script, in folders of its own. */
async function newRun(
  script: string,
  more: { timeoutMs?: number; maxOutputBytes?: number } = {},
): Promise<TestRun> {
  const work = await temporaryFolder();
  const folder = join(work, 'run');
  const abort = new AbortController();
  let stopAsked = false;
  const watch: Watch = { detach: abort.signal, stopAsked: () => stopAsked };
  const spec: RunSpec = {
    cwd: work,
    env: programEnvironment({ run: folder, home: work }),
    steps: [
      {
        name: 'script',
        argv: ['sh', '-c', script],
        timeoutMs: more.timeoutMs ?? 60_000,
        stdin: null,
        stdout: 'out.log',
        stderr: 'out.log',
      },
    ],
    maxOutputBytes: more.maxOutputBytes ?? 1_000_000,
    heartbeatMs: 50,
  };
  return {
    folder,
    work,
    watch,
    prepare: () => Promise.resolve({ spec }),
    detach: () => abort.abort(new Error('detached')),
    stop: () => {
      stopAsked = true;
      abort.abort(new Error('stopped'));
    },
  };
}

async function runnerOf(run: TestRun): Promise<RunnerIdentity> {
  return RunnerIdentity.parse(JSON.parse(await readFile(join(run.folder, runFiles.runner), 'utf8')));
}

async function hasStarted(run: TestRun): Promise<boolean> {
  return exists(join(run.work, 'started'));
}

describe('a run', () => {
  it('ends with its exit code, its output in files', async () => {
    const run = await newRun('echo hello; exit 3');
    const end = await processes.supervise(run);

    expect(end).toMatchObject({ kind: 'ended', result: { steps: [{ end: 'exited', exitCode: 3 }] } });
    expect(await readFile(join(run.folder, 'out.log'), 'utf8')).toBe('hello\n');
  });

  it('is launched once, however many supervise it', async () => {
    const run = await newRun('echo one >> count; sleep 0.3');
    const ends = await Promise.all([
      processes.supervise(run),
      processes.supervise(run),
      processes.supervise(run),
    ]);

    expect(ends.map((end) => end.kind)).toEqual(['ended', 'ended', 'ended']);
    expect(await readFile(join(run.work, 'count'), 'utf8')).toBe('one\n');
  });

  it('lives on when its supervisor lets go, and is adopted by the next', async () => {
    const run = await newRun('touch started; until [ -e go ]; do sleep 0.02; done; echo done');
    const first = processes.supervise(run);
    await until(() => hasStarted(run));
    run.detach();
    await expect(first).rejects.toThrow('detached');
    const before = await runnerOf(run);
    expect(isAlive(before)).toBe(true);

    const watch: Watch = { detach: new AbortController().signal, stopAsked: () => false };
    const second = processes.supervise({ ...run, watch });
    await writeFile(join(run.work, 'go'), '');
    expect(await second).toMatchObject({ kind: 'ended', result: { steps: [{ exitCode: 0 }] } });
    expect(await runnerOf(run)).toEqual(before);
  });

  it('is read, not run again, when it has ended meanwhile', async () => {
    const run = await newRun('echo one >> count');
    await processes.supervise(run);
    await processes.supervise(run);
    expect(await readFile(join(run.work, 'count'), 'utf8')).toBe('one\n');
  });

  it('is lost when its runner is killed, and leaves no process behind', async () => {
    const run = await newRun('touch started; setsid sleep 60 & sleep 60');
    const end = processes.supervise(run);
    await until(() => hasStarted(run));
    process.kill((await runnerOf(run)).pid, 'SIGKILL');

    expect(await end).toEqual({ kind: 'lost' });
    expect(processesOfRun(run.folder)).toEqual([]);
  });

  it('is stopped with its whole tree, daemons in their own sessions included', async () => {
    const run = await newRun('setsid sh -c "sleep 60" & touch started; sleep 60');
    const end = processes.supervise(run);
    await until(() => hasStarted(run));
    run.stop();

    await expect(end).rejects.toThrow('stopped');
    expect(processesOfRun(run.folder)).toEqual([]);
    expect(isAlive(await runnerOf(run))).toBe(false);
  });

  it('is lost, not failed, when somebody else ends its runner in order, as a shutdown does', async () => {
    const run = await newRun('touch started; sleep 60');
    const end = processes.supervise(run);
    await until(() => hasStarted(run));
    process.kill((await runnerOf(run)).pid, 'SIGTERM');

    expect(await end).toEqual({ kind: 'lost' });
    expect(processesOfRun(run.folder)).toEqual([]);
  });

  it('that was stopped before its runner came up never starts', async () => {
    const run = await newRun('echo one >> count');
    run.stop();
    await expect(processes.supervise(run)).rejects.toThrow('stopped');

    const watch: Watch = { detach: new AbortController().signal, stopAsked: () => false };
    expect(await processes.supervise({ ...run, watch })).toEqual({ kind: 'lost' });
    expect(await exists(join(run.work, 'count'))).toBe(false);
  });

  it('is ended when its time is over', async () => {
    const run = await newRun('setsid sleep 60 & sleep 60', { timeoutMs: 200 });
    expect(await processes.supervise(run)).toMatchObject({
      result: { steps: [{ end: 'timed-out', exitCode: null }] },
    });
    expect(processesOfRun(run.folder)).toEqual([]);
  });

  it('is ended when it floods its output', async () => {
    const run = await newRun('yes', { maxOutputBytes: 100_000 });
    expect(await processes.supervise(run)).toMatchObject({ result: { steps: [{ end: 'flooded' }] } });
  });

  it('takes daemons with it when its program ends', async () => {
    const run = await newRun('setsid sleep 60 & echo started');
    expect(await processes.supervise(run)).toMatchObject({
      result: { steps: [{ end: 'exited', exitCode: 0 }] },
    });
    expect(processesOfRun(run.folder)).toEqual([]);
  });

  it('says so when its program can not be started', async () => {
    const run = await newRun('true');
    const { spec } = await run.prepare();
    const [step] = spec.steps;
    const steps = step ? [{ ...step, argv: ['/no/such/program'] }] : [];
    const prepare = () => Promise.resolve({ spec: { ...spec, steps } });
    expect(await processes.supervise({ ...run, prepare })).toMatchObject({
      result: { steps: [{ end: 'unstartable' }] },
    });
  });

  it('ends with its folder, where nobody supervises it', async () => {
    const run = await newRun('touch started; sleep 60');
    const supervised = processes.supervise(run);
    await until(() => hasStarted(run));
    run.detach();
    await expect(supervised).rejects.toThrow('detached');
    const runner = await runnerOf(run);
    await rm(run.folder, { recursive: true, force: true });
    await until(() => !isAlive(runner));
    expect(processesOfRun(run.folder)).toEqual([]);
  });

  it('survives a program that deletes the folder it works in', async () => {
    const run = await newRun('rm -rf "$PWD"/here; cd /; exit 0');
    expect(await processes.supervise(run)).toMatchObject({ kind: 'ended' });
    await rm(run.folder, { recursive: true, force: true });
  });
});

describe('a run of a host with a lease', () => {
  async function leased(seconds: number) {
    const lease = createLease({ file: join(await temporaryFolder(), 'lease'), seconds });
    const leaseFile = lease.file;
    return { lease, onHost: createProcesses({ runner: join(builtFolder(), 'runner.js'), leaseFile }) };
  }

  it('ends itself and all it has started when the lease runs out, without anybody who watches', async () => {
    const { lease, onHost } = await leased(3);
    await lease.renew(lease.now());
    const run = await newRun('touch started; (sleep 60 &) ; sleep 60');
    const watching = onHost.supervise(run);
    await until(() => hasStarted(run));
    run.detach();
    await expect(watching).rejects.toThrow('detached');
    await until(() => exists(join(run.folder, runFiles.result)));
    expect(lease.secondsLeft()).toBeLessThanOrEqual(0);
    expect(processesOfRun(run.folder)).toEqual([]);
    expect(await onHost.supervise(await again(run))).toMatchObject({
      result: { steps: [{ end: 'lease-ran-out', exitCode: null }] },
    });
  });

  it('goes on while the lease is renewed, however short it is', async () => {
    const { lease, onHost } = await leased(3);
    await lease.renew(lease.now());
    const renewing = setInterval(() => void lease.renew(lease.now()), 500);
    const run = await newRun('sleep 6');
    const end = await onHost.supervise(run);
    clearInterval(renewing);
    expect(end).toMatchObject({ result: { steps: [{ end: 'exited', exitCode: 0 }] } });
  });

  it('starts nothing when the lease has run out before', async () => {
    const { lease, onHost } = await leased(60);
    await lease.renew(lease.now() - 61);
    const run = await newRun('touch started');
    expect(await onHost.supervise(run)).toMatchObject({ result: { steps: [{ end: 'lease-ran-out' }] } });
    expect(await hasStarted(run)).toBe(false);
  });
});

describe('a lease', () => {
  it('is none while nobody has written it, and is not longer than that of the process of today', async () => {
    const file = join(await temporaryFolder(), 'lease');
    const long = createLease({ file, seconds: 3_600 });
    const short = createLease({ file, seconds: 10 });
    expect(hasRunOut(undefined)).toBe(false);
    expect(hasRunOut(file)).toBe(true);
    await long.renew(long.now());
    expect(hasRunOut(file)).toBe(false);
    expect(short.secondsLeft()).toBeGreaterThan(3_500);
    await short.shorten();
    expect(short.secondsLeft()).toBeLessThanOrEqual(10);
    await long.shorten();
    expect(long.secondsLeft()).toBeLessThanOrEqual(10);
  });

  it('that can not be read is none', async () => {
    const file = join(await temporaryFolder(), 'lease');
    await writeFile(file, 'for ever');
    expect(hasRunOut(file)).toBe(true);
  });
});

/** The same run for somebody else who watches. */
async function again(run: TestRun): Promise<TestRun> {
  const other = await newRun('true');
  return { ...other, folder: run.folder };
}
