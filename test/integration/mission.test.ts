import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { updates } from '../../schema/contracts/messages.ts';
import { noUsage } from '../../schema/contracts/agent.ts';
import { FakeWorld, usage } from '../fakes/fake-world.ts';
import { moment } from '../support/moment.ts';
import { until } from '../support/until.ts';
import { task } from '../support/plans.ts';
import { startTestEngine, type TestEngine } from '../support/workers.ts';

let world: FakeWorld;
let engine: TestEngine;

beforeEach(async () => {
  world = new FakeWorld();
  engine = await startTestEngine(world);
});
afterEach(() => engine.stop());

describe('a mission', () => {
  it('starts a task only when what it depends on is merged, across milestones', async () => {
    const mission = await engine.startMission({
      key: 'order',
      milestones: [
        { id: 'm1', tasks: [task('A'), task('B', { dependsOn: ['A'] })] },
        { id: 'm2', tasks: [task('C', { dependsOn: ['A', 'B'] })] },
      ],
    });

    expect(await mission.result()).toMatchObject({ status: 'completed' });
    expect(world.sessions.map((session) => session.task)).toEqual(['A', 'B', 'C']);
    expect(world.merges.map((merge) => merge.task)).toEqual(['A', 'B', 'C']);
  });

  it('runs as many tasks at once as the cap says, and no more', async () => {
    let arrived = 0;
    const { come: release, came: released } = moment();
    world.author = async ({ task: id, launch }) => {
      arrived += 1;
      if (arrived === 2) release();
      await released;
      return { kind: 'commit', name: `${id}.${launch}` };
    };
    const ids = ['A', 'B', 'C', 'D', 'E'];
    const mission = await engine.startMission({
      key: 'cap',
      milestones: [{ id: 'm1', tasks: ids.map((id) => task(id)) }],
      policy: { parallel: 2 },
    });

    expect(await mission.result()).toMatchObject({ status: 'completed' });
    expect(world.mostLive).toBe(2);
    expect(world.merges).toHaveLength(5);
  });

  it('has one budget for all its tasks: what one has used, the next can’t', async () => {
    world.author = ({ task: id }) => ({
      kind: 'commit',
      name: id,
      agent: { usage: { ...usage, costUsd: 3 } },
    });
    await engine.startMission({
      key: 'budget',
      milestones: [{ id: 'm1', tasks: [task('A'), task('B'), task('C')] }],
      policy: { parallel: 1, budget: { costUsd: 5 } },
    });

    // Its reviews are not begun any more.
    await until(() => world.views.get('B')?.status === 'blocked');
    expect(world.view('B')).toMatchObject({ gate: 'review-and-ci', reviews: [] });
    expect(world.view('B').reason).toBe('the mission has used $6.00 of its budget of $5.00');
    const b = engine.taskHandle({ mission: 'budget', task: 'B' });
    await b.executeUpdate(updates.resolve, { args: [{ action: 'retry', by: 'lead' }] });

    await until(() => world.views.get('C')?.status === 'blocked');
    expect(world.view('C').reason).toBe('the mission has used $6.00 of its budget of $5.00');
    expect(world.sessions.map(({ task: id, limits }) => [id, limits])).toEqual([
      ['A', { costUsd: 5 }],
      ['B', { costUsd: 2 }],
    ]);
    const c = engine.taskHandle({ mission: 'budget', task: 'C' });
    await c.executeUpdate(updates.resolve, { args: [{ action: 'retry', by: 'lead' }] });
    await until(() => world.views.get('C')?.status === 'merged');
  });

  it('tells a task at work what the others have used', async () => {
    const { come: release, came: released } = moment();
    world.author = async ({ task: id, launch }) => {
      if (id === 'A') return { kind: 'commit', name: 'A', agent: {} };
      if (launch === 1) await released;
      return launch === 1
        ? { kind: 'fails', agent: { outcome: 'killed', usage: noUsage } }
        : { kind: 'commit', name: 'B' };
    };
    await engine.startMission({
      key: 'shared',
      milestones: [{ id: 'm1', tasks: [task('A'), task('B')] }],
      policy: { budget: { tokens: 100 } },
    });
    await until(() => world.views.get('A')?.status === 'blocked');
    const a = engine.taskHandle({ mission: 'shared', task: 'A' });
    await a.executeUpdate(updates.resolve, { args: [{ action: 'retry', by: 'lead' }] });
    await until(() => world.views.get('A')?.status === 'merged');
    release();
    await until(() => world.views.get('B')?.status === 'blocked');
    expect(world.view('B').reason).toBe('the mission has used 107 tokens of its budget of 100 tokens');
    const b = engine.taskHandle({ mission: 'shared', task: 'B' });
    await b.executeUpdate(updates.resolve, { args: [{ action: 'abandon', by: 'lead' }] });
  });

  it('gets a budget while tasks are at work: they are told, and what others have used before counts', async () => {
    const { come: release, came: released } = moment();
    world.author = async ({ task: id, launch }) => {
      if (id === 'A') return { kind: 'commit', name: 'A', agent: {} };
      if (launch === 1) await released;
      return launch === 1
        ? { kind: 'fails', agent: { outcome: 'killed', usage: noUsage } }
        : { kind: 'commit', name: 'B' };
    };
    const mission = await engine.startMission({
      key: 'amended',
      milestones: [{ id: 'm1', tasks: [task('A'), task('B')] }],
    });
    await until(() => world.views.get('A')?.status === 'merged');
    await until(() => world.sessions.some(({ task: id }) => id === 'B'));
    const amend = (budget: { tokens: number }) =>
      mission.executeUpdate(updates.amend, {
        args: [
          {
            by: 'lead',
            reason: 'too dear',
            changes: [{ change: 'policy', budget, noProgress: 5, fallback: ['claude'] }],
          },
        ],
      });
    await amend({ tokens: 100 });
    release();
    await until(() => world.views.get('B')?.status === 'blocked');
    expect(world.view('B').reason).toBe('the mission has used 107 tokens of its budget of 100 tokens');

    await amend({ tokens: 200 });
    const b = engine.taskHandle({ mission: 'amended', task: 'B' });
    await b.executeUpdate(updates.resolve, { args: [{ action: 'retry', by: 'lead' }] });
    expect(await mission.result()).toMatchObject({ status: 'completed' });
    expect(world.sessions.at(-1)).toMatchObject({ task: 'B', limits: { tokens: 93 } });
    const told = world.events.filter(({ type }) => type === 'amended');
    expect(told[0]?.message).toContain('budget {"tokens":100}, noProgress 5, fallback ["claude"], by lead');
  });

  it('does not enter a milestone while the one before it is incomplete', async () => {
    world.reviewer = () => ({ verdict: 'request-changes', summary: 'never', findings: [] });
    const mission = await engine.startMission({
      key: 'stuck',
      milestones: [
        { id: 'm1', tasks: [task('A')] },
        { id: 'm2', tasks: [task('B')] },
      ],
      policy: { remediations: 0 },
    });
    await until(() => world.views.get('A')?.status === 'blocked');
    await engine
      .taskHandle({ mission: 'stuck', task: 'A' })
      .executeUpdate(updates.resolve, { args: [{ action: 'abandon', by: 'lead' }] });

    expect(await mission.result()).toMatchObject({ status: 'incomplete' });
    expect(world.sessions.map((session) => session.task)).toEqual(['A']);
  });

  it('goes on past a task that a person has skipped', async () => {
    world.reviewer = ({ task: id }) =>
      id === 'A'
        ? { verdict: 'request-changes', summary: 'never', findings: [] }
        : { verdict: 'approve', summary: 'good', findings: [] };
    const mission = await engine.startMission({
      key: 'skip',
      milestones: [{ id: 'm1', tasks: [task('A'), task('B', { dependsOn: ['A'] })] }],
      policy: { remediations: 0 },
    });
    await until(() => world.views.get('A')?.status === 'blocked');
    await engine
      .taskHandle({ mission: 'skip', task: 'A' })
      .executeUpdate(updates.resolve, { args: [{ action: 'skip', by: 'lead' }] });

    expect(await mission.result()).toMatchObject({ status: 'completed' });
    expect(world.merges.map((merge) => merge.task)).toEqual(['B']);
  });

  it('is cancelled with all its tasks, and says by whom', async () => {
    const mission = await engine.startMission({
      key: 'cancel',
      milestones: [{ id: 'm1', tasks: [task('A'), task('B')] }],
      policy: { coordinators: ['lead'] },
    });
    await until(() => ['A', 'B'].every((id) => world.views.get(id)?.gate === 'go-ahead'));
    await mission.executeUpdate(updates.cancel, { args: [{ by: 'lead', reason: 'wrong branch' }] });

    expect(await mission.result()).toMatchObject({ status: 'cancelled' });
    expect(world.view('A').status).toBe('cancelled');
    expect(world.view('B').status).toBe('cancelled');
    expect([...world.cleaned].sort()).toEqual(['A', 'B']);
    expect(world.events.at(-1)).toMatchObject({ type: 'mission-ended' });
    expect(world.events.at(-1)?.message).toContain('cancelled by lead: wrong branch');
  });

  it('spends few events of its own on each task', async () => {
    const ids = Array.from({ length: 6 }, (_, index) => `T${index}`);
    const mission = await engine.startMission({
      key: 'short',
      milestones: [{ id: 'm1', tasks: ids.map((id) => task(id)) }],
      policy: { parallel: 6 },
    });
    await mission.result();
    const { historyLength } = await mission.describe();
    expect(historyLength / ids.length).toBeLessThanOrEqual(12);
  });
});
