import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection, WorkflowNotFoundError } from '@temporalio/client';
import { inject, onTestFinished, describe, expect, it } from 'vitest';
import type { RebuildStep } from '../../schema/contracts/rebuild.ts';
import { workflowTypes, type MissionInput } from '../../schema/contracts/messages.ts';
import { controlQueue, missionWorkflowId, taskWorkflowId } from '../../schema/contracts/names.ts';
import { entersGate, type MissionEvent } from '../../schema/contracts/views.ts';
import { events, missions, reviews, sessions, tasks } from '../../schema/db/tables.ts';
import { createApi } from '../../scripts/cli/api-client.ts';
import { commits, startRealEngine, type RealEngine } from '../support/real-engine.ts';
import { until } from '../support/until.ts';

const projections = { missions, tasks, sessions, reviews, events };

/** All rows that people read, in an order of their own. */
async function readRows({ engine }: RealEngine): Promise<Record<keyof typeof projections, string[]>> {
  const { queries } = engine;
  return {
    missions: inOrder(await queries.select().from(missions)),
    tasks: inOrder(await queries.select().from(tasks)),
    sessions: inOrder(await queries.select().from(sessions)),
    reviews: inOrder(await queries.select().from(reviews)),
    events: inOrder(await queries.select().from(events)),
  };
}

function inOrder(rows: Record<string, unknown>[]): string[] {
  return rows.map((row) => JSON.stringify(sorted(row))).sort();
}

/** The database keeps the keys of JSON in any order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, sorted(inner)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * What a rebuild of an empty database gives back to the letter: everything but the numbers of events, since those of
 * two workflows are in the order of their clocks now, no longer in the order in which they were recorded.
 */
function withoutNumbers(rows: Awaited<ReturnType<typeof readRows>>) {
  return { ...rows, events: rows.events.map((row) => row.replace(/"seq":\d+,/, '')).sort() };
}

async function loseReadModel({ engine }: RealEngine): Promise<void> {
  for (const table of Object.values(projections)) await engine.queries.delete(table);
}

async function rebuild(engine: RealEngine, mission?: string): Promise<RebuildStep[]> {
  const steps: RebuildStep[] = [];
  for await (const step of engine.api.rebuild({ mission })) steps.push(step);
  return steps;
}

async function eventsOf({ api }: RealEngine, id: string, after = 0): Promise<MissionEvent[]> {
  const told: MissionEvent[] = [];
  for await (const event of api.events({ id, after })) told.push(event);
  return told;
}

async function taskOf({ api }: RealEngine, mission: string, task: string) {
  const found = (await api.show(mission)).tasks.find(({ id }) => id === task);
  if (!found) throw new Error(`${mission} has no task ${task}`);
  return found;
}

async function start(engine: RealEngine, file: object): Promise<void> {
  await engine.api.create(JSON.stringify(file), 'application/json');
}

async function untilGoAhead(engine: RealEngine, mission: string, task: string): Promise<void> {
  await until(async () => (await taskOf(engine, mission, task)).gate === 'go-ahead');
}

async function temporal(): Promise<Client> {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  onTestFinished(() => connection.close());
  return new Client({ connection });
}

/** What the server does when a retention is over. */
async function forget(client: Client, workflowId: string): Promise<void> {
  await client.workflowService.deleteWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId },
  });
  await until(async () => {
    const listed = await client.workflow.count(`WorkflowId = '${workflowId}'`);
    return listed.count === 0 && (await isForgotten(client, workflowId));
  });
}

async function isForgotten(client: Client, workflowId: string): Promise<boolean> {
  try {
    await client.workflow.getHandle(workflowId).describe();
    return false;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return true;
    throw error;
  }
}

/** One task merged, one merged after an answer, one skipped. */
async function finishedMission(engine: RealEngine, key: string): Promise<void> {
  const marker = join(engine.root, `${key}-mended`);
  const file = await engine.missionFile({
    key,
    scripts: {
      A: commits(`${key}-a.txt`),
      B: `test -f '${marker}' || exit 1\n${commits(`${key}-b.txt`)}`,
      C: 'exit 1\n',
    },
    more: { policy: { remediations: 0, parallel: 3 } },
  });
  await start(engine, file);
  for (const task of ['B', 'C'])
    await until(async () => (await taskOf(engine, key, task)).status === 'blocked');
  await writeFile(marker, '');
  await engine.api.resolve({ id: key, task: 'B', action: 'retry', guidance: 'it is mended' });
  await engine.api.resolve({ id: key, task: 'C', action: 'skip', guidance: undefined });
  await eventsOf(engine, key);
}

async function cancelledMission(engine: RealEngine, key: string): Promise<void> {
  const file = await engine.missionFile({
    key,
    scripts: { A: 'sleep 600\n', B: commits(`${key}-b.txt`) },
    more: { policy: { parallel: 1 } },
  });
  await start(engine, file);
  await until(async () => (await taskOf(engine, key, 'A')).gate === 'implement');
  await engine.api.cancel({ id: key, reason: 'enough' });
  await eventsOf(engine, key);
}

describe('a rebuilt read model', () => {
  // Three missions with nine sessions, one after another.
  it(
    'is the one that was lost, whatever became of its tasks, and a running mission goes on in it',
    { timeout: 300_000 },
    async () => {
      const engine = await startRealEngine({ 'README.md': 'hi\n' });
      const lead = await engine.api.createToken({ name: 'lead', scopes: ['missions:read', 'merge:approve'] });
      await finishedMission(engine, 'finished');
      await cancelledMission(engine, 'cancelled');
      const scripts = { A: commits('running-a.txt'), B: commits('running-b.txt') };
      const more = { policy: { coordinators: ['lead'], parallel: 1 } };
      await start(engine, await engine.missionFile({ key: 'running', scripts, more }));
      await untilGoAhead(engine, 'running', 'A');

      const before = await readRows(engine);
      const { tasks: all } = await engine.api.show('finished');
      expect(all.map(({ status }) => status)).toEqual(['merged', 'merged', 'skipped']);
      await loseReadModel(engine);
      expect((await engine.api.list({ limit: 10, cursor: undefined })).missions).toEqual([]);

      const steps = await rebuild(engine);
      expect(steps.map((step) => ('mission' in step ? step.mission : step.kind))).toEqual([
        'finished',
        'cancelled',
        'running',
        'end',
      ]);
      expect(steps.at(-1)).toMatchObject({ missions: 3, failed: 0, events: before.events.length });
      const after = await readRows(engine);
      expect(withoutNumbers(after)).toEqual(withoutNumbers(before));
      for (const id of ['finished', 'cancelled']) {
        const told = await eventsOf(engine, id);
        expect(told.map(({ seq }) => seq)).toEqual(told.map((_, index) => index + 1));
        expect(told.map(({ at }) => at)).toEqual(told.map(({ at }) => at).sort((a, b) => a - b));
        expect(told[0]?.type).toBe('mission-started');
        expect(told.at(-1)?.type).toBe('mission-ended');
      }

      expect((await rebuild(engine)).at(-1)).toMatchObject({ missions: 3, failed: 0, rows: 0, events: 0 });
      expect(await readRows(engine)).toEqual(after);

      const approver = createApi({ url: engine.url, token: lead });
      for (const task of ['A', 'B']) {
        await untilGoAhead(engine, 'running', task);
        const { headSha } = await taskOf(engine, 'running', task);
        await approver.goAhead({ id: 'running', task, headSha: headSha ?? '' });
      }
      const told = await eventsOf(engine, 'running');
      expect(told.map(({ seq }) => seq)).toEqual(told.map((_, index) => index + 1));
      expect(told.at(-1)).toMatchObject({ type: 'mission-ended', message: 'completed' });
      const live = await readRows(engine);
      await loseReadModel(engine);
      await rebuild(engine);
      expect(withoutNumbers(await readRows(engine))).toEqual(withoutNumbers(live));
    },
  );

  it('misses nothing that is told while it is rebuilt', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    const scripts = { A: commits('a.txt'), B: commits('b.txt'), C: commits('c.txt') };
    const more = { policy: { parallel: 3 } };
    await start(engine, await engine.missionFile({ key: 'busy', scripts, more }));
    await until(async () => (await taskOf(engine, 'busy', 'A')).gate !== 'intake');

    await loseReadModel(engine);
    const first = await rebuild(engine, 'busy');
    expect(first.at(-1)).toMatchObject({ missions: 1, failed: 0 });
    // More of them, side by side with each other and with the mission.
    await Promise.all([rebuild(engine), rebuild(engine), eventsOf(engine, 'busy')]);

    const told = await eventsOf(engine, 'busy');
    expect(told.map(({ seq }) => seq)).toEqual(told.map((_, index) => index + 1));
    const lived = await readRows(engine);
    await loseReadModel(engine);
    await rebuild(engine);
    expect(withoutNumbers(await readRows(engine))).toEqual(withoutNumbers(lived));
  });

  it('adds what is missing to what is there, and gives no event another number', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    await start(engine, await engine.missionFile({ key: 'old', scripts: { A: commits('a.txt') } }));
    await eventsOf(engine, 'old');
    const [before, told] = [await readRows(engine), await eventsOf(engine, 'old')];

    // As a backup has it, that was made halfway.
    const { queries } = engine.engine;
    await queries.delete(sessions);
    await queries.update(tasks).set({ viewSeq: 2, status: 'running' });
    await rebuild(engine);
    expect(await readRows(engine)).toEqual(before);
    expect(await eventsOf(engine, 'old')).toEqual(told);
  });

  it('finds its workflows again when the whole database is gone', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    await start(engine, await engine.missionFile({ key: 'kept', scripts: { A: commits('a.txt') } }));
    await eventsOf(engine, 'kept');
    const before = await readRows(engine);
    const { installation } = engine.engine.address;

    await engine.restart(() => rm(join(engine.root, 'data', 'pglite'), { recursive: true }));
    expect(engine.engine.address.installation).toBe(installation);
    await expect(engine.api.show('kept')).rejects.toThrow('there is no mission kept');
    await rebuild(engine);
    expect(withoutNumbers(await readRows(engine))).toEqual(withoutNumbers(before));
  });

  it('knows of a mission without its origin no file, and finds it whatever file is sent under its key', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    // Both missions run it on one repository, and each has something to commit.
    const A = 'echo more >> a.txt\ngit add --all\ngit commit --quiet --message more\n';
    const file = await engine.missionFile({ key: 'model', scripts: { A } });
    await start(engine, file);
    await eventsOf(engine, 'model');
    const [model] = await engine.engine.queries.select().from(missions);
    if (!model) throw new Error('there is no mission');
    const { installation } = engine.engine.address;
    const facts = { installation, tenant: 'default', host: 'local' };
    const input: MissionInput = {
      engine: { ...facts, searchAttributes: true, goAheadBySignal: false },
      plan: { ...model.plan, mission: 'older' },
    };
    const workflowId = missionWorkflowId({ installation, mission: 'older' });
    const client = await temporal();
    const taskQueue = controlQueue(installation);
    const handle = await client.workflow.start(workflowTypes.mission, {
      workflowId,
      taskQueue,
      args: [input],
    });
    await handle.result();
    const { startTime } = await handle.describe();

    await rebuild(engine, 'older');
    const found = await engine.api.create(JSON.stringify({ ...file, key: 'older' }), 'application/json');
    expect(found).toMatchObject({ id: 'older', createdAt: startTime.toISOString() });
    expect(found.endedAt).not.toBeNull();
  });
});

describe('when Temporal has forgotten', () => {
  it('a finished mission, people can still read all of it, and a rebuild leaves it alone', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    await finishedMission(engine, 'past');
    const [shown, told, rows] = [
      await engine.api.show('past'),
      await eventsOf(engine, 'past'),
      await readRows(engine),
    ];
    const { installation } = engine.engine.address;
    const client = await temporal();
    for (const task of ['A', 'B', 'C'])
      await forget(client, taskWorkflowId({ installation, mission: 'past', task }));
    await forget(client, missionWorkflowId({ installation, mission: 'past' }));

    expect(await engine.api.show('past')).toEqual(shown);
    expect(await eventsOf(engine, 'past')).toEqual(told);
    expect(await eventsOf(engine, 'past', told.length)).toEqual([]);
    const { missions: listed } = await engine.api.list({ limit: 10, cursor: undefined });
    expect(listed).toEqual([shown.mission]);
    const headSha = shown.tasks[0]?.headSha ?? '';
    await expect(engine.api.goAhead({ id: 'past', task: 'A', headSha })).rejects.toMatchObject({
      status: 409,
    });
    await expect(engine.api.cancel({ id: 'past', reason: undefined })).rejects.toMatchObject({ status: 409 });

    expect(await rebuild(engine)).toEqual([{ kind: 'end', missions: 0, failed: 0, rows: 0, events: 0 }]);
    await expect(rebuild(engine, 'past')).rejects.toThrow('Temporal has no mission past');
    expect(await readRows(engine)).toEqual(rows);
  });

  it('a task of a mission that runs on, the mission still says how it ended', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    const scripts = { A: commits('a.txt'), B: `sleep 600\n` };
    const more = { policy: { parallel: 1 } };
    await start(engine, await engine.missionFile({ key: 'long', scripts, more }));
    await until(async () => (await taskOf(engine, 'long', 'B')).gate === 'implement');
    const { mergeSha } = await taskOf(engine, 'long', 'A');
    const { installation } = engine.engine.address;
    await forget(await temporal(), taskWorkflowId({ installation, mission: 'long', task: 'A' }));

    await loseReadModel(engine);
    await rebuild(engine, 'long');
    expect(await taskOf(engine, 'long', 'A')).toMatchObject({ status: 'merged', mergeSha, reason: null });
    expect(await taskOf(engine, 'long', 'B')).toMatchObject({ status: 'running', gate: 'implement' });
    await engine.api.cancel({ id: 'long', reason: undefined });
    const told = await eventsOf(engine, 'long');
    expect(told.filter((event) => entersGate(event, 'implement')).map(({ task }) => task)).toEqual(['B']);
  });
});
