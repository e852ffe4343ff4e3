import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { expect, inject, it, onTestFinished } from 'vitest';
import { runFiles, RunResult } from '../../activities/processes/spec.ts';
import { isAlive } from '../../activities/processes/tree.ts';
import type { HostState } from '../../schema/contracts/host.ts';
import { packageRoot } from '../../schema/package-root.ts';
import { bundleWorkflows } from '../../scripts/build.mjs';
import type { RunSessionInput } from '../../workflows/ports.ts';
import { exists } from '../../activities/files.ts';
import { comesTo, newHost, startCuttableWay, stateOf, type HostProcess } from '../support/host-process.ts';
import { runMission } from '../support/mission-command.ts';
import { task } from '../support/plans.ts';
import { startRealEngine, type RealEngine } from '../support/real-engine.ts';
import { runnerOf } from '../support/runners.ts';
import { useCodex } from '../support/stub-codex.ts';
import { inCommon, temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';

/** An engine and hosts start, and leases run out, on a loaded machine. */
const timeout = 240_000;

const sessionId = 'on-host.T-1.author.1';
const bundle = inCommon(async (atEnd) => {
  const to = join(await temporaryFolder(atEnd), 'bundle.js');
  await bundleWorkflows({ workflows: join(packageRoot(), 'test/fakes/builds/session.ts'), to });
  return to;
});

/** A session on that host: `work`, or a script, in a clone of the engine's repository. Answers what comes of it. */
async function startSessionOn(
  engine: RealEngine,
  host: string,
  work: string | Parameters<typeof task>[1],
): Promise<WorkflowHandle> {
  const address = inject('temporalAddress');
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  const { installation } = engine.engine.address;
  const taskQueue = `sessions:${installation}`;
  const worker = await Worker.create({
    connection: native,
    taskQueue,
    workflowBundle: { codePath: bundle() },
  });
  const running = worker.run();
  onTestFinished(async () => {
    worker.shutdown();
    await running;
    await native.close();
    await connection.close();
  });
  const repository = engine.repository.planned;
  const input: RunSessionInput = {
    place: { tenant: 'default', mission: 'on-host', task: 'T-1', repository, branch: 'mission/on-host/T-1' },
    ...{ host, sessionId, launch: 1, feedback: [], guidance: [], timeoutSeconds: 3_600 },
    task: task('T-1', typeof work === 'string' ? { program: { runtime: 'script', text: work } } : work),
  };
  return new Client({ connection }).workflow.start('session', {
    workflowId: `${installation}/session`,
    taskQueue,
    args: [{ installation, input }],
  });
}

/** That session, as it lies on its host. */
function sessionOn(host: HostProcess) {
  const folder = join(host.data, 'sessions', sessionId);
  return {
    started: () => exists(join(folder, runFiles.runner)),
    ended: () => exists(join(folder, runFiles.result)),
    runner: () => runnerOf(host, sessionId),
    async end(): Promise<string | undefined> {
      const result = RunResult.parse(JSON.parse(await readFile(join(folder, runFiles.result), 'utf8')));
      return result.steps.at(-1)?.end;
    },
  };
}

it(
  'several hosts are listed with what they have; one that is killed is silent, then lost, and back when it is',
  { timeout },
  async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    const a = await newHost(engine, 'a', undefined, ['--slots', '3', '--labels', 'gpu,big']);
    const b = await newHost(engine, 'b');
    await a.start();
    await b.start();
    const env = { MISSION_URL: engine.url, MISSION_TOKEN: engine.token };
    const listed = await runMission(['host', 'list', '--json'], { env });
    expect(JSON.parse(listed.stdout)).toMatchObject([
      { name: 'a', state: 'up', slots: 3, labels: ['gpu', 'big'], leaseSeconds: 5 },
      { name: 'b', state: 'up', leaseSeconds: 5 },
      { name: 'local', state: 'up', leaseSeconds: null },
    ]);
    const table = await runMission(['host', 'list'], { env });
    expect(table.stdout).toMatch(/^name +state/);

    await a.end('SIGKILL');
    await comesTo(engine, 'a', 'silent');
    await comesTo(engine, 'a', 'lost');
    expect(await stateOf(engine, 'b')).toBe('up');
    await a.start();
    await comesTo(engine, 'a', 'up');

    const impostor = await newHost(engine, 'a');
    await expect(impostor.start()).rejects.toThrow('ended with 1');
    expect(await readFile(join(impostor.data, 'host.log'), 'utf8')).toContain(
      'choose another name with --name',
    );
  },
);

it('a host that is cut off ends its own sessions before it is lost', { timeout }, async () => {
  const engine = await startRealEngine({ 'README.md': 'hi\n' });
  const way = await startCuttableWay(inject('temporalAddress'));
  const host = await newHost(engine, 'a', way.address);
  await host.start();
  await startSessionOn(engine, 'a', 'sleep 600');
  const session = sessionOn(host);
  await until(session.started);
  const runner = await session.runner();
  way.cut();
  const seen: (HostState | undefined)[] = [];
  await until(async () => {
    const alive = isAlive(runner);
    const state = await stateOf(engine, 'a');
    // Looked at before the state: one that is lost has none that lives.
    if (state === 'lost') expect(await session.ended()).toBe(true);
    if (!alive) seen.push(state);
    return state === 'lost';
  });
  expect(await session.end()).toBe('lease-ran-out');
  expect(seen[0]).not.toBe('lost');
  way.mend();
  await comesTo(engine, 'a', 'up');
});

it(
  'a host whose process stands still is lost too, and only after its sessions have ended themselves',
  { timeout },
  async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    const host = await newHost(engine, 'a');
    await host.start();
    await startSessionOn(engine, 'a', 'sleep 600');
    const session = sessionOn(host);
    await until(session.started);
    host.signal('SIGSTOP');
    await until(async () => {
      const hasEnded = await session.ended();
      const state = await stateOf(engine, 'a');
      if (hasEnded) expect(state).not.toBe('lost');
      return hasEnded;
    });
    expect(await session.end()).toBe('lease-ran-out');
    await comesTo(engine, 'a', 'lost');
    host.signal('SIGCONT');
    await comesTo(engine, 'a', 'up');
  },
);

it('a host that is drained lets its session end, then ends itself', { timeout }, async () => {
  const engine = await startRealEngine({ 'README.md': 'hi\n' });
  const host = await newHost(engine, 'a');
  await host.start();
  const gate = join(await temporaryFolder(), 'go-on');
  const handle = await startSessionOn(engine, 'a', `until [ -e '${gate}' ]; do sleep 0.2; done`);
  const session = sessionOn(host);
  await until(session.started);
  const env = { MISSION_URL: engine.url, MISSION_TOKEN: engine.token };
  const drained = await runMission(['host', 'drain', 'a', '--json'], { env });
  expect(JSON.parse(drained.stdout)).toEqual({ name: 'a', draining: true });
  await comesTo(engine, 'a', 'draining');
  expect(await session.ended()).toBe(false);
  await writeFile(gate, '');
  expect(await handle.result()).toMatchObject({ end: 'exited', exitCode: 0 });
  expect(await host.ended()).toBe(0);
  await comesTo(engine, 'a', 'left');
});

it(
  'a host with nothing to do leaves when its service manager asks, and may come again',
  { timeout },
  async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    const host = await newHost(engine, 'a');
    await host.start();
    host.signal('SIGUSR2');
    expect(await host.ended()).toBe(0);
    await comesTo(engine, 'a', 'left');
    await host.start();
    await comesTo(engine, 'a', 'up');
    const refused = await runMission(['host', 'drain', 'local'], {
      env: { MISSION_URL: engine.url, MISSION_TOKEN: engine.token },
    });
    expect(refused).toMatchObject({ code: 4 });
  },
);

it('a host takes its own secrets out of what its agents tell, and is not swept', { timeout }, async () => {
  await useCodex();
  const engine = await startRealEngine({ 'README.md': 'hi\n' });
  const host = await newHost(engine, 'a');
  await mkdir(host.data, { recursive: true });
  const roster = 'version: 1\nruntimes: {codex: {env: {WHATEVER: sesame-open-wide}}}\n';
  await writeFile(join(host.data, 'roster.yaml'), roster);
  await host.start();
  const work = { program: { runtime: 'codex' }, goal: 'AT 1: tell WHATEVER' } as const;
  const handle = await startSessionOn(engine, 'a', work);
  expect(await handle.result()).toMatchObject({
    agent: { outcome: 'no-change', message: 'it is [redacted]' },
  });
  await expect(engine.api.sweep({ host: 'a' })).rejects.toThrow('a is served by `mission host`');
});
