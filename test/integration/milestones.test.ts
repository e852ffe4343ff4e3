import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { updates } from '../../schema/contracts/messages.ts';
import { FakeWorld, sha } from '../fakes/fake-world.ts';
import { task } from '../support/plans.ts';
import { until } from '../support/until.ts';
import { startTestEngine, type TestEngine } from '../support/workers.ts';

let world: FakeWorld;
let engine: TestEngine;

beforeEach(async () => {
  world = new FakeWorld();
  engine = await startTestEngine(world);
});
afterEach(() => engine.stop());

const core = { id: 'm1', tasks: [task('A'), task('B')] };

/** The reason for which the engine has paused a mission. */
function whyPaused(): string | undefined {
  return world.events.findLast(({ type }) => type === 'paused')?.message;
}

describe('a mission’s milestones', () => {
  it('are opened with all their issues before anything starts, and closed one by one', async () => {
    let seenAtStart: unknown;
    world.author = ({ task: id }) => {
      if (id === 'A') seenAtStart = [[...world.issues.keys()], [...world.milestones]];
      if (id === 'C') expect(world.milestones.get('m1')?.state).toBe('closed');
      return { kind: 'commit', name: id };
    };
    const mission = await engine.startMission({
      key: 'open',
      milestones: [core, { id: 'm2', tasks: [task('C')] }],
      policy: { parallel: 1 },
    });

    expect(await mission.result()).toMatchObject({ status: 'completed' });
    expect(seenAtStart).toEqual([
      ['A', 'B', 'C'],
      [
        ['m1', { state: 'open', opened: 2 }],
        ['m2', { state: 'open', opened: 1 }],
      ],
    ]);
    expect([...world.milestones.values()].map(({ state }) => state)).toEqual(['closed', 'closed']);
    expect([...world.issues.values()].every(({ state }) => state === 'closed')).toBe(true);
    expect(world.releases).toEqual([]);
  });

  it('are released as they were verified, with what was merged and its pull requests', async () => {
    const mission = await engine.startMission({
      key: 'release',
      milestones: [{ ...core, verify: ['npm test'], release: { tag: 'v1.0.0' } }],
      policy: { parallel: 1 },
    });

    expect(await mission.result()).toMatchObject({ status: 'completed' });
    expect(world.releases).toEqual([
      { tag: 'v1.0.0', sha: sha('m2'), notes: '# m1\n\n- A: Task A (#100)\n- B: Task B (#101)\n' },
    ]);
    const completed = world.events.find(({ type }) => type === 'milestone-completed');
    expect(completed?.message).toBe(`m1: m1, released as v1.0.0 at ${sha('m2')}`);
  });

  it('that are red on the base pause the mission; resumed with a task that mends it, it goes on', async () => {
    let red = true;
    world.milestoneVerdict = () =>
      red ? { kind: 'red', message: 'the check `npm test` is red', excerpt: 'not ok' } : { kind: 'green' };
    const mission = await engine.startMission({
      key: 'verify',
      milestones: [{ ...core, verify: ['npm test'], release: { tag: 'v1.0.0' } }],
    });
    await until(() => whyPaused()?.includes('npm test') ?? false);
    expect(world.milestones.get('m1')?.state).toBe('open');
    red = false;
    const change = { change: 'add', milestone: 'm1', task: task('C') };
    await mission.executeUpdate(updates.amend, { args: [{ by: 'lead', reason: 'red', changes: [change] }] });
    await mission.executeUpdate(updates.resume, { args: [{ by: 'lead' }] });

    expect(await mission.result()).toMatchObject({ status: 'completed' });
    expect(world.merges.map((merge) => merge.task)).toContain('C');
    expect(world.releases).toMatchObject([{ tag: 'v1.0.0', sha: sha('m3') }]);
  });

  it('that the forge refuses to close pause the mission, and keep the commit that was verified', async () => {
    world.refusesToClose = true;
    const mission = await engine.startMission({
      key: 'refused',
      milestones: [{ ...core, release: { tag: 'v1.0.0' } }],
    });
    await until(() => whyPaused()?.includes('no right to close') ?? false);
    world.moveBase();
    world.refusesToClose = false;
    await mission.executeUpdate(updates.resume, { args: [{ by: 'lead' }] });

    expect(await mission.result()).toMatchObject({ status: 'completed' });
    expect(world.releases).toMatchObject([{ sha: sha('m2') }]);
  });

  it('are not released from a base that is red, and a paused mission can be cancelled', async () => {
    const mission = await engine.startMission({
      key: 'red',
      milestones: [
        { ...core, release: { tag: 'v1.0.0' } },
        { id: 'm2', tasks: [task('C')] },
      ],
    });
    await until(() => world.merges.length === 2);
    world.verdicts.set(sha('other'), 'failed');
    world.base = sha('other');
    await until(() => whyPaused()?.includes('failed') ?? false);
    await mission.executeUpdate(updates.cancel, { args: [{ by: 'lead' }] });

    expect(await mission.result()).toMatchObject({ status: 'cancelled' });
    expect(world.releases).toEqual([]);
  });
});
