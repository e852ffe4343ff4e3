import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { useDatabase } from '../../../test/support/databases.ts';
import { makeRepository } from '../../../test/support/repository.ts';
import { until } from '../../../test/support/until.ts';
import { builtFolder } from '../../../schema/package-root.ts';
import { LocalStore } from '../../forge/local/local-store.ts';
import { createProcesses } from '../../processes/supervise.ts';
import { processesOfRun, signal } from '../../processes/tree.ts';
import { createInUse } from '../../in-use.ts';
import { createScrub } from '../../scrub.ts';
import { createRoom } from '../../sessions/room.ts';
import { createLocalCi } from './local-ci.ts';

const database = useDatabase('PGlite');

/** A commit whose pipeline hangs until the file `go` is there, and somebody who has its verdict awaited. */
async function hangingPipeline({ first = 'true' } = {}) {
  const repository = await makeRepository({ 'README.md': 'hi\n' });
  const { git, workspace, paths, planned } = repository;
  const go = join(paths.root, 'go');
  const run = `${first}; until test -e ${go}; do sleep 0.1; done`;
  const pipeline = JSON.stringify({ version: 1, steps: [{ name: 'test', run }] });
  const sha = await repository.commit({ branch: 'main', files: { '.mission/ci.yaml': pipeline } });
  const store = new LocalStore({ queries: database().queries, tenant: 'default' });
  const ci = createLocalCi({
    git,
    workspace,
    store,
    paths,
    processes: createProcesses({ runner: join(builtFolder(), 'runner.js') }),
    room: createRoom({ root: paths.root, freeGigabytes: 0, sessionGigabytes: 0.01, everyMs: 50 }),
    scrub: createScrub({}),
    inUse: createInUse(),
  });
  const folder = join(paths.pipelines(planned.id), `${sha}-${sha}`);
  const processes = (): number[] => processesOfRun(folder);
  const isRunning = (): boolean => processes().length > 1;
  return { ci, settle, go, processes, isRunning, checkouts, repository: planned, sha };

  function settle() {
    const abort = new AbortController();
    let stopAsked = false;
    const watch = { detach: abort.signal, stopAsked: () => stopAsked };
    const report = ci.settle?.({ repository: planned, sha, stepsAt: sha, watch });
    return {
      report,
      /** As a cancellation does; without `stop`, as the shutdown of a worker does. */
      async letGo({ stop }: { stop: boolean }) {
        stopAsked = stop;
        abort.abort(new Error('let go'));
        await expect(report).rejects.toThrow('let go');
      },
    };
  }

  async function checkouts(): Promise<string[]> {
    return readdir(paths.checkouts).catch(() => []);
  }
}

describe('a pipeline whose program is killed', () => {
  it('is run again: the commit stays without a verdict until one is reached', async () => {
    const { settle, isRunning, processes, go, checkouts } = await hangingPipeline();
    const waiting = settle();
    await until(isRunning);
    const killed = processes();
    for (const pid of killed) signal(pid, 'SIGKILL');
    await until(() => processes().some((pid) => !killed.includes(pid)));
    await writeFile(go, '');

    expect(await waiting.report).toMatchObject({ verdict: 'passed' });
    expect(await checkouts()).toEqual([]);
  });

  it('has failed when it is killed each time', async () => {
    const { settle, processes } = await hangingPipeline();
    const waiting = settle();
    const killing = setInterval(() => {
      for (const pid of processes()) signal(pid, 'SIGKILL');
    }, 20);
    onTestFinished(() => clearInterval(killing));
    expect(await waiting.report).toMatchObject({ verdict: 'failed' });
  });
});

it('a pipeline that fills the disk is ended and red, with the figure', async () => {
  const first = 'echo I begin; head -c 20000000 /dev/zero > wild';
  const { settle, processes, checkouts } = await hangingPipeline({ first });
  const report = await settle().report;
  expect(report).toMatchObject({ verdict: 'failed', contexts: [{ name: 'ci/test', state: 'failed' }] });
  expect(report?.contexts[0]?.excerpt).toBe(
    'was ended: its clone and its home took 0.02 GiB; 0.01 GiB are the most\nI begin\n',
  );
  expect(processes()).toEqual([]);
  expect(await checkouts()).toEqual([]);
});

describe('a pipeline that nobody waits for any more', () => {
  it('has ended when its cancellation is done, and leaves no checkout', async () => {
    const { settle, isRunning, checkouts } = await hangingPipeline();
    const waiting = settle();
    await until(isRunning);
    await waiting.letGo({ stop: true });

    expect(isRunning()).toBe(false);
    expect(await checkouts()).toEqual([]);
  });

  it('lives on when its worker stops, and is ended by whoever tidies up', async () => {
    const { ci, settle, isRunning, checkouts, repository, sha } = await hangingPipeline();
    const waiting = settle();
    await until(isRunning);
    await waiting.letGo({ stop: false });
    expect(isRunning()).toBe(true);
    expect(await checkouts()).toHaveLength(1);

    await ci.stop?.({ repository, shas: [sha] });
    expect(isRunning()).toBe(false);
    expect(await checkouts()).toEqual([]);
  });

  it('is run anew for the next who asks', async () => {
    const { settle, isRunning, go, checkouts } = await hangingPipeline();
    const waiting = settle();
    await until(isRunning);
    await waiting.letGo({ stop: true });
    const next = settle();
    await until(isRunning);
    await writeFile(go, '');

    expect(await next.report).toMatchObject({ verdict: 'passed' });
    expect(await checkouts()).toEqual([]);
  });
});
