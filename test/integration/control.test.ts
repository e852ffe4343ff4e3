import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WorkflowHandle } from '@temporalio/client';
import proto from '@temporalio/proto';
import { updates, type AmendRequest } from '../../schema/contracts/messages.ts';
import { slotsQueue } from '../../schema/contracts/names.ts';
import type { PlanOutline } from '../../schema/contracts/plan.ts';
import type { MissionView, TaskView } from '../../schema/contracts/views.ts';
import { FakeWorld, sha, type Work } from '../fakes/fake-world.ts';
import { until } from '../support/until.ts';
import { task } from '../support/plans.ts';
import { refusalOf, startTestEngine, type TestEngine } from '../support/workers.ts';

const { TASK_QUEUE_TYPE_ACTIVITY } = proto.temporal.api.enums.v1.TaskQueueType;

let world: FakeWorld;
let engine: TestEngine;

beforeEach(async () => {
  world = new FakeWorld();
  engine = await startTestEngine(world);
});
afterEach(() => engine.stop());

/** Authors that wait in their sessions until they are let go, one task at a time or all. */
function authorsThatWait(): { letGo: (...ids: string[]) => void } {
  const gone = new Set<string>();
  world.author = async ({ task: id, launch }): Promise<Work> => {
    await until(() => gone.has(id) || gone.has('all'));
    return { kind: 'commit', name: `${id}.${launch}` };
  };
  return { letGo: (...ids) => ids.forEach((id) => gone.add(id)) };
}

function started(): string[] {
  return world.sessions.map((session) => session.task);
}

function pause(mission: WorkflowHandle, reason = 'a look first'): Promise<unknown> {
  return mission.executeUpdate(updates.pause, { args: [{ by: 'lead', reason }] });
}

function resume(mission: WorkflowHandle): Promise<unknown> {
  return mission.executeUpdate(updates.resume, { args: [{ by: 'lead' }] });
}

function amend(
  mission: WorkflowHandle,
  changes: AmendRequest['changes'],
  updateId?: string,
): Promise<PlanOutline> {
  const request: AmendRequest = { by: 'lead', reason: 'we know more now', changes };
  return mission.executeUpdate(updates.amend, {
    args: [request],
    ...(updateId === undefined ? {} : { updateId }),
  });
}

function viewOf(handle: WorkflowHandle): Promise<MissionView & TaskView> {
  return handle.query('view');
}

describe('a mission that is paused', () => {
  it('lets a step that runs come to its end, starts nothing new, and goes on when it is resumed', async () => {
    const { letGo } = authorsThatWait();
    const mission = await engine.startMission({
      key: 'pause',
      milestones: [{ id: 'm1', tasks: [task('A'), task('B', { dependsOn: ['A'] })] }],
    });
    await until(() => started().includes('A'));
    await pause(mission);
    expect(await viewOf(mission)).toMatchObject({
      status: 'paused',
      paused: { by: 'lead', reason: 'a look first' },
    });

    letGo('all');
    const held = engine.taskHandle({ mission: 'pause', task: 'A' });
    await until(async () => (await viewOf(held)).waits?.for === 'person');
    expect((await viewOf(held)).waits?.on).toBe('the mission to be resumed: it is paused by lead');
    expect(world.pullRequests).toEqual([]);
    expect(started()).toEqual(['A']);

    await resume(mission);
    expect(await mission.result()).toMatchObject({ status: 'completed' });
    expect(started()).toEqual(['A', 'B']);
    expect(world.events.map(({ type }) => type)).toEqual(expect.arrayContaining(['paused', 'resumed']));
  });

  it('takes a go-ahead, and merges after it is resumed', async () => {
    const mission = await engine.startMission({
      key: 'pause-go',
      milestones: [{ id: 'm1', tasks: [task('A')] }],
      policy: { coordinators: ['lead'] },
    });
    const waiting = engine.taskHandle({ mission: 'pause-go', task: 'A' });
    await until(async () => world.views.get('A')?.gate === 'go-ahead');
    await pause(mission);
    await waiting.executeUpdate(updates.goAhead, { args: [{ headSha: sha('A.1'), by: 'lead' }] });
    await until(
      async () => (await viewOf(waiting)).waits?.on.startsWith('the mission to be resumed') ?? false,
    );
    expect(world.merges).toEqual([]);

    await resume(mission);
    expect(await mission.result()).toMatchObject({ status: 'completed' });
    expect(world.merges).toHaveLength(1);
  });

  it('can be cancelled', async () => {
    const { letGo } = authorsThatWait();
    const mission = await engine.startMission({
      key: 'pause-cancel',
      milestones: [{ id: 'm1', tasks: [task('A')] }],
    });
    await until(() => started().includes('A'));
    await pause(mission);
    letGo('all');
    const held = engine.taskHandle({ mission: 'pause-cancel', task: 'A' });
    await until(async () => (await viewOf(held)).waits?.for === 'person');
    await mission.executeUpdate(updates.cancel, { args: [{ by: 'lead', reason: 'enough' }] });

    expect(await mission.result()).toMatchObject({ status: 'cancelled' });
    expect(world.cleaned).toEqual(['A']);
    expect(await refusalOf(resume(mission)).catch(() => 'not running')).toBe('not running');
  });

  it('takes an answer for the pause that it is for, and not for the next one', async () => {
    const { letGo } = authorsThatWait();
    const mission = await engine.startMission({
      key: 'again',
      milestones: [{ id: 'm1', tasks: [task('A')] }],
    });
    await until(() => started().includes('A'));
    await pause(mission);
    const since = (await viewOf(mission)).paused?.at ?? 0;
    await resume(mission);
    await pause(mission);
    for (const update of [updates.cancel, updates.resume])
      expect(await refusalOf(mission.executeUpdate(update, { args: [{ by: 'lead', since }] }))).toBe(
        'WrongPhase',
      );
    const { at } = (await viewOf(mission)).paused ?? {};
    await mission.executeUpdate(updates.resume, { args: [{ by: 'lead', since: at }] });
    letGo('all');
    expect(await mission.result()).toMatchObject({ status: 'completed' });
  });

  it('is the same when it is paused or resumed twice', async () => {
    const { letGo } = authorsThatWait();
    const mission = await engine.startMission({
      key: 'twice',
      milestones: [{ id: 'm1', tasks: [task('A')] }],
    });
    await until(() => started().includes('A'));
    await pause(mission, 'first');
    await pause(mission, 'second');
    expect((await viewOf(mission)).paused).toMatchObject({ reason: 'first' });
    await resume(mission);
    await resume(mission);
    letGo('all');
    expect(await mission.result()).toMatchObject({ status: 'completed' });
  });
});

describe('a running plan', () => {
  it('takes tasks in, moves, defers and changes what has not started', async () => {
    const { letGo } = authorsThatWait();
    const mission = await engine.startMission({
      key: 'amend',
      milestones: [
        { id: 'm1', tasks: [task('A'), task('B', { dependsOn: ['A'] }), task('C', { dependsOn: ['A'] })] },
        { id: 'm2', tasks: [task('D')] },
      ],
      policy: { parallel: 1 },
    });
    await until(() => started().includes('A'));
    const outline = await amend(mission, [
      { change: 'add', milestone: 'm1', task: task('E', { dependsOn: ['A'] }), before: 'B' },
      { change: 'move', task: 'C', milestone: 'm2', before: 'D' },
      { change: 'defer', task: 'D' },
      { change: 'edit', task: 'B', set: { title: 'Better', dependsOn: ['A', 'E'] } },
      { change: 'policy', parallel: 2, priority: 1 },
    ]);
    expect(outline).toEqual({
      milestones: [
        { id: 'm1', tasks: ['A', 'E', 'B'], deferred: [] },
        { id: 'm2', tasks: ['C'], deferred: ['D'] },
      ],
      parallel: 2,
      priority: 1,
    });
    letGo('all');

    expect(await mission.result()).toMatchObject({ status: 'completed' });
    expect(started()).toEqual(['A', 'E', 'B', 'C']);
    expect(world.view('B').title).toBe('Better');
    expect(world.view('C').milestone).toBe('m2');
    expect(await viewOf(mission)).toMatchObject({ reason: 'without D deferred' });
    const told = world.events.find(({ type }) => type === 'amended');
    expect(told?.message).toContain('by lead: we know more now');
  });

  it('starts an added task at once where there is room for it', async () => {
    const { letGo } = authorsThatWait();
    const mission = await engine.startMission({
      key: 'room',
      milestones: [{ id: 'm1', tasks: [task('A')] }],
    });
    await until(() => started().includes('A'));
    await amend(mission, [{ change: 'add', milestone: 'm1', task: task('B') }]);
    await until(() => started().includes('B'));
    letGo('all');
    expect(await mission.result()).toMatchObject({ status: 'completed' });
  });

  it('keeps what has started as it is, and says so at each place', async () => {
    const { letGo } = authorsThatWait();
    const mission = await engine.startMission({
      key: 'history',
      milestones: [{ id: 'm1', tasks: [task('A')] }],
    });
    await until(() => started().includes('A'));
    expect(await refusalOf(amend(mission, [{ change: 'defer', task: 'A' }]))).toBe('InvalidAmendment');
    letGo('all');
    expect(await mission.result()).toMatchObject({ status: 'completed' });
  });
});

describe('slots of a machine', () => {
  it('go to the most urgent mission first', async () => {
    await engine.stop();
    engine = await startTestEngine(world, { slots: 1 });
    const { letGo } = authorsThatWait();
    const ids = ['A', 'B', 'C'];
    const patient = await engine.startMission({
      key: 'patient',
      milestones: [{ id: 'm1', tasks: ids.map((id) => task(id)) }],
      policy: { priority: 5 },
    });
    await until(() => started().length === 1);
    const urgent = await engine.startMission({
      key: 'urgent',
      milestones: [{ id: 'm1', tasks: [task('U')] }],
      policy: { priority: 1 },
    });
    // The urgent one has waited for a second, last of all: the server has it at hand when the one slot becomes free.
    const queue = {
      taskQueue: { name: slotsQueue(engine.facts) },
      taskQueueType: TASK_QUEUE_TYPE_ACTIVITY,
      reportStats: true,
    };
    await until(async () => {
      const { statsByPriorityKey } = await engine.client.workflowService.describeTaskQueue({
        namespace: 'default',
        ...queue,
      });
      return Number(statsByPriorityKey['1']?.approximateBacklogAge?.seconds ?? 0) >= 1;
    });
    letGo('all');

    expect(await urgent.result()).toMatchObject({ status: 'completed' });
    expect(await patient.result()).toMatchObject({ status: 'completed' });
    expect(world.mostLive).toBe(1);
    expect(started().indexOf('U')).toBe(1);
  });
});
