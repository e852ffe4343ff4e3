import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleWorkflows } from '../../scripts/build.mjs';
import { findServer } from '../../scripts/toolchain.mjs';
import { packageRoot } from '../../schema/package-root.ts';
import { updates, type AmendRequest } from '../../schema/contracts/messages.ts';
import { laneWorkflowId } from '../../schema/contracts/names.ts';
import { FakeWorld, sha } from '../fakes/fake-world.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { startHostStory } from '../support/host-story.ts';
import { repository, task } from '../support/plans.ts';
import { refusalOf, startTestEngine, type TestEngine } from '../support/workers.ts';

/** A server that wants histories to be short: what else takes thousands of events happens after a few. */
const suggestAtEvents = 40;

let environment: TestWorkflowEnvironment;

beforeAll(async () => {
  environment = await TestWorkflowEnvironment.createLocal({
    server: {
      executable: {
        type: 'existing-path',
        path: process.env['MISSION_TEMPORAL_CLI'] ?? (await findServer('cli')),
      },
      extraArgs: ['--dynamic-config-value', `limit.historyCount.suggestContinueAsNew=${suggestAtEvents}`],
    },
  });
});
afterAll(() => environment.teardown());

function startEngine(world: FakeWorld): Promise<TestEngine> {
  return startTestEngine(world, { address: environment.address, searchAttributes: false });
}

async function runsOf(engine: TestEngine, workflowId: string): Promise<number> {
  let runs = 0;
  for await (const execution of engine.client.workflow.list({ query: `WorkflowId = "${workflowId}"` })) {
    if (execution.workflowId === workflowId) runs += 1;
  }
  return runs;
}

function add(mission: WorkflowHandle, id: string): Promise<unknown> {
  const request: AmendRequest = {
    by: 'lead',
    reason: 'one more',
    changes: [{ change: 'add', milestone: 'm2', task: task(id) }],
  };
  return mission.executeUpdate(updates.amend, { args: [request], updateId: `add ${id}` });
}

describe('a mission with a long history', () => {
  it('goes on as a new run, with its lane, and loses no message on the way', async () => {
    const world = new FakeWorld();
    const engine = await startEngine(world);
    const ids = Array.from({ length: 8 }, (_, index) => `T-${index + 1}`);
    const mission = await engine.startMission({
      key: 'long',
      milestones: [
        { id: 'm1', tasks: ids.slice(0, 4).map((id) => task(id)) },
        { id: 'm2', tasks: [...ids.slice(4).map((id) => task(id)), task('last', { dependsOn: ids })] },
      ],
      policy: { parallel: 2 },
    });
    // Somebody talks to it all the while, each time twice, as a client does that has lost an answer.
    const added = Array.from({ length: 10 }, (_, index) => `X-${index + 1}`);
    for (const id of added) {
      const merges = world.merges.length;
      await add(mission, id);
      await mission.executeUpdate(updates.pause, { args: [{ by: 'lead' }] });
      await mission.executeUpdate(updates.resume, { args: [{ by: 'lead' }] });
      await until(() => world.merges.length > merges || world.merges.length > ids.length);
      await add(mission, id);
      if (world.merges.length > ids.length) break;
    }

    expect(await mission.result()).toMatchObject({ status: 'completed' });
    const taken = added.filter((id) => world.views.has(id));
    expect(world.merges.map((merge) => merge.task).sort()).toEqual([...ids, ...taken, 'last'].sort());
    expect(taken.length).toBeGreaterThan(1);
    for (const type of ['mission-started', 'mission-ended']) {
      expect(world.events.filter((event) => event.type === type)).toHaveLength(1);
    }
    expect(world.events.filter((event) => event.type === 'milestone-started')).toHaveLength(2);
    expect(world.events.filter((event) => event.type === 'amended')).toHaveLength(taken.length);
    expect(await runsOf(engine, mission.workflowId)).toBeGreaterThan(1);
    const lane = {
      installation: engine.facts.installation,
      repositoryId: repository.id,
      base: repository.base,
    };
    expect(await runsOf(engine, laneWorkflowId(lane))).toBeGreaterThan(1);
    await engine.stop();
  });
});

describe('a host with a long history', () => {
  it('goes on as new runs, and stays whose it is and as it is', async () => {
    const host = await startHostStory(environment.address);
    let busy = true;
    await host.serve(() => busy);
    await host.join();
    const first = await thisRun();
    await joinUntil(async () => (await thisRun()) !== first);
    // Nothing but what was carried over says whose it is.
    expect(await refusalOf(host.join({ tenant: 'other' }))).toBe('HostRefused');
    await host.drain();
    const second = await thisRun();
    await joinUntil(async () => (await thisRun()) !== second);
    busy = false;
    await host.handle.result();
    expect(host.last()).toBe('left');
    expect(host.written).not.toContain('silent');

    async function thisRun(): Promise<string> {
      return (await host.handle.describe()).runId;
    }

    /** Each start of its process tells the workflow of it. */
    async function joinUntil(isSo: () => Promise<boolean>): Promise<void> {
      for (let pid = 2; !(await isSo()); pid += 1) await host.join({ pid });
    }
  });
});

describe('a mission that was begun on an older build', () => {
  const mission = {
    key: 'older',
    milestones: [{ id: 'm1', tasks: [task('A'), task('B', { dependsOn: ['A'] })] }],
  };

  async function beginOnTodays(world: FakeWorld): Promise<{ installation: string; workflowId: string }> {
    const older = await startEngine(world);
    const { workflowId } = await older.startMission({ ...mission, policy: { coordinators: ['lead'] } });
    await until(() => world.views.get('A')?.gate === 'go-ahead');
    await older.stop();
    return { installation: older.facts.installation, workflowId };
  }

  async function bundle(build: string): Promise<string> {
    const to = join(await temporaryFolder(), 'bundle.js');
    await bundleWorkflows({ workflows: join(packageRoot(), 'test/fakes/builds', build), to });
    return to;
  }

  function goAhead(engine: TestEngine, id: string): Promise<unknown> {
    const request = { headSha: sha(`${id}.1`), by: 'lead' };
    return engine
      .taskHandle({ mission: mission.key, task: id })
      .executeUpdate(updates.goAhead, { args: [request] });
  }

  async function activitiesOf(engine: TestEngine, id: string): Promise<(string | null | undefined)[]> {
    const { events } = await engine.taskHandle({ mission: mission.key, task: id }).fetchHistory();
    return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
      scheduled ? [scheduled.activityType?.name] : [],
    );
  }

  it('ends on a newer one: what was under way goes the old way, what begins goes the new', async () => {
    const world = new FakeWorld();
    const { installation, workflowId } = await beginOnTodays(world);
    const newer = await startTestEngine(world, {
      address: environment.address,
      searchAttributes: false,
      installation,
      bundle: await bundle('newer.ts'),
    });
    await goAhead(newer, 'A');
    await until(() => world.views.get('B')?.gate === 'go-ahead');
    await goAhead(newer, 'B');

    expect(await newer.client.workflow.result(workflowId)).toMatchObject({ status: 'completed' });
    expect((await activitiesOf(newer, 'A'))[0]).toBe('openIssue');
    expect((await activitiesOf(newer, 'B'))[0]).toBe('guardQueue');
    expect(world.merges.map((merge) => merge.task)).toEqual(['A', 'B']);
    expect(world.sessions).toHaveLength(2);
    await newer.stop();
  });

  it('stands still on one that was changed without care, and goes on with the right one: nothing is lost', async () => {
    const world = new FakeWorld();
    const { installation, workflowId } = await beginOnTodays(world);
    const careless = await startTestEngine(world, {
      address: environment.address,
      searchAttributes: false,
      installation,
      bundle: await bundle('careless.ts'),
    });
    const given = goAhead(careless, 'A').catch(() => undefined);
    const stuck = careless.taskHandle({ mission: mission.key, task: 'A' });
    await until(async () => {
      const { events } = await stuck.fetchHistory();
      return (events ?? []).some(
        (event) =>
          event.workflowTaskFailedEventAttributes !== null &&
          event.workflowTaskFailedEventAttributes !== undefined,
      );
    });
    expect(world.merges).toEqual([]);
    await careless.stop();
    await given;

    const right = await startTestEngine(world, {
      address: environment.address,
      searchAttributes: false,
      installation,
    });
    await until(async () => {
      await goAhead(right, 'A').catch(() => undefined);
      return world.views.get('A')?.goAhead !== null;
    });
    await until(() => world.views.get('B')?.gate === 'go-ahead');
    await goAhead(right, 'B');
    expect(await right.client.workflow.result(workflowId)).toMatchObject({ status: 'completed' });
    expect(world.sessions).toHaveLength(2);
    await right.stop();
  });
});
