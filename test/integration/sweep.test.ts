import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { exists } from '../../activities/files.ts';
import { isRunAlive } from '../../activities/sweep/inventory.ts';
import { missionWorkflowId, sweepId, taskWorkflowId } from '../../schema/contracts/names.ts';
import type { SweepReport } from '../../schema/contracts/sweep.ts';
import type { Decorate } from '../../workers/engine.ts';
import { commits, startRealEngine, type RealEngine } from '../support/real-engine.ts';
import { until } from '../support/until.ts';

async function temporal(): Promise<Client> {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  onTestFinished(() => connection.close());
  return new Client({ connection });
}

async function start(engine: RealEngine, key: string, script: string, more?: object): Promise<void> {
  const file = await engine.missionFile({ key, scripts: { A: script }, ...(more ? { more } : {}) });
  await engine.api.create(JSON.stringify(file), 'application/json');
}

async function finish(engine: RealEngine, key: string): Promise<void> {
  for await (const { type, message } of engine.api.events({ id: key, after: 0 })) {
    if (type === 'blocked') throw new Error(message);
  }
}

/** Terminates a mission and its task, as somebody may do in the Temporal UI: nothing of it cleans up. */
async function terminate(engine: RealEngine, client: Client, mission: string): Promise<void> {
  const { installation } = engine.engine.address;
  await client.workflow.getHandle(missionWorkflowId({ installation, mission })).terminate();
  await client.workflow.getHandle(taskWorkflowId({ installation, mission, task: 'A' })).terminate();
}

async function sweep(engine: RealEngine, of: { dryRun?: boolean } = {}): Promise<SweepReport> {
  const { id } = await engine.api.sweep(of);
  let report: SweepReport | null | undefined;
  await until(async () => {
    const swept = (await engine.api.sweeps({ host: undefined })).find((one) => one.id === id);
    report = swept?.report;
    return swept !== undefined && swept.state !== 'running';
  });
  if (!report) throw new Error('the sweep has failed');
  return report;
}

function inData({ root }: RealEngine, ...path: string[]): string {
  return join(root, 'data', ...path);
}

async function refsOf(engine: RealEngine): Promise<string[]> {
  const { git } = engine.repository;
  const [mirror = ''] = await readdir(inData(engine, 'repositories'));
  const cwd = inData(engine, 'repositories', mirror);
  const { stdout } = await git.run({ cwd, args: ['for-each-ref', '--format=%(refname)'] });
  return stdout.split('\n').filter((name) => name !== '');
}

/** A script that says that it runs, and goes on when it is told to. */
function waits(folder: string, name: string): string {
  return `touch ${join(folder, name)}.runs\nuntil test -e ${join(folder, name)}.go; do sleep 0.1; done\n`;
}

describe('a sweep', () => {
  it('ends what a terminated task has left, and nothing of a mission that runs; dry, it changes nothing', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' }, () => ({ keep: { cloneHours: 0 } }));
    const client = await temporal();
    const { root } = engine;
    await start(engine, 'orphan', `${commits('work.txt')}${waits(root, 'orphan')}`);
    await start(engine, 'live', `${waits(root, 'live')}${commits('a.txt')}`);
    for (const name of ['orphan', 'live']) await until(() => exists(join(root, `${name}.runs`)));
    await terminate(engine, client, 'orphan');
    const [orphan, live] = ['orphan', 'live'].map((key) => inData(engine, 'sessions', `${key}.A.author.1`));
    const [itsClone, livesClone] = ['orphan', 'live'].map((key) =>
      inData(engine, 'work', key, 'A/repository'),
    );

    // The engine that watches the orphan lets go of it when its next heartbeat is refused.
    await until(async () => (await sweep(engine, { dryRun: true })).counts.ended === 1);
    const dry = await sweep(engine, { dryRun: true });
    expect(dry).toMatchObject({ dryRun: true, counts: { ended: 1, failed: 0 }, doubtful: [] });
    expect(dry.items.map(({ action, what }) => `${action} ${what}`)).toEqual([
      'ended sessions/orphan.A.author.1',
      'removed work/orphan/A',
    ]);
    expect(await isRunAlive(orphan ?? '')).toBe(true);
    expect(await exists(itsClone ?? '')).toBe(true);

    const report = await sweep(engine);
    expect(report.items).toEqual(dry.items);
    expect(report.freedBytes).toBeGreaterThan(0);
    expect(await isRunAlive(orphan ?? '')).toBe(false);
    expect(await exists(inData(engine, 'work/orphan'))).toBe(false);
    expect(await isRunAlive(live ?? '')).toBe(true);
    expect(await exists(livesClone ?? '')).toBe(true);

    expect((await sweep(engine)).items).toEqual([]);
    await writeFile(join(root, 'live.go'), '');
    await finish(engine, 'live');
    expect((await engine.api.show('live')).tasks[0]).toMatchObject({ status: 'merged' });
  });

  it('takes the output of ended missions when there is too much, and leaves what an audit asks for', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' }, () => ({
      keep: { cloneHours: 0, gigabytes: 0 },
    }));
    const { root } = engine;
    await start(engine, 'done', `echo a word of the script\n${commits('a.txt')}`);
    await finish(engine, 'done');
    await start(engine, 'live', `echo a word of the script\n${waits(root, 'live')}${commits('b.txt')}`);
    await until(() => exists(join(root, 'live.runs')));
    const [done, live] = ['done', 'live'].map((key) => inData(engine, 'sessions', `${key}.A.author.1`));
    const exit = await readFile(join(done ?? '', 'exit.json'), 'utf8');

    const report = await sweep(engine);
    // The author's session and those of two reviewers.
    expect(report.counts).toMatchObject({ emptied: 3, removed: 0, failed: 0 });
    expect(await readFile(join(done ?? '', 'events.jsonl'), 'utf8')).toMatch(
      /^removed by the sweep of .*: 21 bytes\n$/,
    );
    expect(await readFile(join(done ?? '', 'prompt.md'), 'utf8')).toContain('Do it.');
    expect(await readFile(join(done ?? '', 'exit.json'), 'utf8')).toBe(exit);
    expect(JSON.parse(await readFile(join(done ?? '', 'spec.json'), 'utf8'))).toMatchObject({ env: {} });
    expect(await readFile(join(live ?? '', 'events.jsonl'), 'utf8')).toBe('a word of the script\n');
    expect((await engine.api.show('done')).tasks[0]?.sessions).toHaveLength(3);

    const refs = await refsOf(engine);
    expect(refs.filter((name) => name.includes('done'))).toEqual([]);
    expect(refs).toContain('refs/forge/main');
    expect((await sweep(engine)).counts.emptied).toBe(0);
    await writeFile(join(root, 'live.go'), '');
    await finish(engine, 'live');
    expect((await engine.api.show('live')).tasks[0]).toMatchObject({ status: 'merged' });
  });

  it('closes pull request and branch that a terminated task has left on the local forge', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' }, () => ({ keep: { cloneHours: 0 } }));
    const client = await temporal();
    await start(engine, 'left', commits('a.txt'), { policy: { coordinators: ['lead'] } });
    await until(async () => (await engine.api.show('left')).tasks[0]?.gate === 'go-ahead');
    const { git, planned } = engine.repository;
    const args = ['for-each-ref', '--format=%(refname)', 'refs/heads/mission'];
    const branches = async () => (await git.run({ cwd: planned.address, args })).stdout.trim();
    expect((await sweep(engine)).items).toEqual([]);
    expect(await branches()).toBe('refs/heads/mission/left/A');

    await terminate(engine, client, 'left');
    expect((await sweep(engine)).counts).toMatchObject({ tidied: 1, failed: 0 });
    expect(await branches()).toBe('');
  });

  it('is made again when its first attempt is lost, and finds then what is left', async () => {
    let attempts = 0;
    const decorate: Decorate = (activities) => {
      const sweepHost: unknown = Reflect.get(activities, 'sweepHost');
      if (typeof sweepHost !== 'function') return activities;
      const losing = async (...args: unknown[]): Promise<unknown> => {
        const report: unknown = await Reflect.apply(sweepHost, undefined, args);
        attempts += 1;
        if (attempts === 1) throw new Error('killed before it could tell');
        return report;
      };
      return { ...activities, sweepHost: losing };
    };
    const engine = await startRealEngine({ 'README.md': 'hi\n' }, () => ({ keep: { gigabytes: 0 } }), {
      decorate,
    });
    await start(engine, 'done', commits('a.txt'));
    await finish(engine, 'done');
    expect(await sweep(engine)).toMatchObject({ counts: { emptied: 0, failed: 0 } });
    expect(attempts).toBe(2);
    expect(await exists(inData(engine, 'sessions/done.A.author.1/emptied'))).toBe(true);
  });

  it('has one schedule for a host, however often its engine is started', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    const client = await temporal();
    const { installation } = engine.engine.address;
    await client.schedule.getHandle(sweepId({ installation, host: 'local' })).pause('a person has paused it');
    await engine.restart(() => Promise.resolve());
    await until(async () => (await ours()).length === 1);
    expect(await ours()).toEqual([sweepId({ installation, host: 'local' })]);
    const schedule = await client.schedule.getHandle(sweepId({ installation, host: 'local' })).describe();
    expect(schedule).toMatchObject({
      action: { workflowType: 'sweepWorkflow' },
      policies: { overlap: 'SKIP' },
      state: { paused: true },
    });

    async function ours(): Promise<string[]> {
      const found: string[] = [];
      for await (const { scheduleId } of client.schedule.list()) {
        if (scheduleId.startsWith(`${installation}/`)) found.push(scheduleId);
      }
      return found;
    }
  });
});
