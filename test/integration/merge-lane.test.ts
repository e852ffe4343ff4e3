import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LaneView } from '../../schema/contracts/lane.ts';
import { queries, signals, updates } from '../../schema/contracts/messages.ts';
import { refused } from '../../activities/failures.ts';
import { approval, FakeWorld, sha } from '../fakes/fake-world.ts';
import { laneOf, requestsHeard } from '../support/lanes.ts';
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

function tasksNamed(...ids: string[]) {
  return [{ id: 'm1', tasks: ids.map((id) => task(id)) }];
}

/** The branch was delivered on a base that is no longer the base: the lane has to bring it up. */
function moveBaseDuringReview(): void {
  let moved = false;
  world.reviewer = () => {
    if (!moved) world.moveBase();
    moved = true;
    return approval;
  };
}

/** A task whose branch the lane has brought up to the base, and whose CI does not come to an end. */
async function startUntilUpdated() {
  moveBaseDuringReview();
  world.verdicts.set(sha('A^0'), 'pending');
  const handle = await engine.startTask({ task: task('A') });
  await until(() => world.branches.get('mission/demo/A') === sha('A^0'));
  return handle;
}

async function expectNothingLeft(handle: Awaited<ReturnType<TestEngine['startTask']>>): Promise<void> {
  await expect(handle.result()).rejects.toThrow();
  expect(world.view('A').status).toBe('cancelled');
  expect([...world.branches.keys()]).toEqual([]);
  expect(world.merges).toEqual([]);
}

describe('the merge lane', () => {
  it('merges parallel tasks one at a time, each tested on the merge before it', async () => {
    let inside = 0;
    let most = 0;
    world.beforeMerge = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await Promise.resolve();
      inside -= 1;
    };
    const mission = await engine.startMission({ key: 'lane', milestones: tasksNamed('A', 'B', 'C') });

    expect(await mission.result()).toMatchObject({ status: 'completed' });
    expect(most).toBe(1);
    expect(world.merges.map(({ baseSha }) => baseSha)).toEqual([sha('base'), sha('m1'), sha('m2')]);
    expect(new Set(world.merges.map((merge) => merge.task))).toEqual(new Set(['A', 'B', 'C']));
  });

  it('says who is inside, and who waits behind', async () => {
    const seen: unknown[] = [];
    world.author = async ({ task: id, launch }) => {
      if (id === 'B') await until(() => world.views.get('A')?.gate === 'merge-lane');
      return { kind: 'commit', name: `${id}.${launch}` };
    };
    world.beforeMerge = async ({ task: id }) => {
      if (id !== 'A') return;
      await requestsHeard(engine, 2);
      seen.push(await laneOf(engine).query(queries.view));
    };
    const mission = await engine.startMission({ key: 'seen', milestones: tasksNamed('A', 'B') });
    await mission.result();
    const [a, b] = ['A', 'B'].map((id) => ({ mission: 'seen', task: id }));
    expect(seen).toEqual([{ inside: [a], waiting: [b], redBase: null }]);
    expect(await laneOf(engine).query(queries.view)).toEqual({ inside: [], waiting: [], redBase: null });
  });

  it('keeps both approvals over its own update of the branch, without a new review', async () => {
    const mission = await engine.startMission({ key: 'update', milestones: tasksNamed('A', 'B') });
    await mission.result();

    const second = world.merges[1];
    expect(second?.headSha).not.toBe(sha(`${second?.task ?? ''}.1`));
    const view = world.view(second?.task ?? '');
    expect(view.headSha).toBe(second?.headSha);
    expect(view.reviews.map((review) => review.sha)).toEqual(Array(2).fill(sha(`${view.id}.1`)));
  });

  it('sends a conflict back to the author, with the files', async () => {
    // A is first in the lane, and B is behind it when A is merged: however fast either of them is.
    world.author = async ({ task: id, launch }) => {
      if (id === 'B') await until(() => world.views.get('A')?.gate === 'merge-lane' || launch > 1);
      return { kind: 'commit', name: `${id}.${launch}` };
    };
    world.beforeMerge = async ({ task: id }) => {
      if (id === 'A') await until(() => world.views.get('B')?.gate === 'merge-lane');
    };
    world.conflicts = (request) => (request.headSha === sha('B.1') ? ['src/a.js'] : []);
    const mission = await engine.startMission({ key: 'conflict', milestones: tasksNamed('A', 'B') });

    expect(await mission.result()).toMatchObject({ status: 'completed' });
    const retold = world.sessions.find(({ task: id, launch }) => id === 'B' && launch === 2);
    expect(retold?.feedback[0]?.message).toContain('src/a.js');
  });

  it('tries again on a base that somebody else has moved', async () => {
    let moved = false;
    world.beforeMerge = () => {
      if (!moved) world.moveBase();
      moved = true;
    };
    const handle = await engine.startTask({});

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.merges).toEqual([expect.objectContaining({ baseSha: sha('base1') })]);
  });

  it('finds a merge again whose answer was lost for good, when its task is told to try again', async () => {
    world.afterMerge = () => {
      world.afterMerge = () => undefined;
      throw refused('nobody knows what has come of it');
    };
    const handle = await engine.startTask({ task: task('A') });
    await until(() => world.views.get('A')?.status === 'blocked');
    expect(world.view('A').reason).toContain('nobody knows what has come of it');
    await handle.executeUpdate(updates.resolve, { args: [{ action: 'retry', by: 'lead' }] });

    expect(await handle.result()).toMatchObject({ status: 'merged', mergeSha: sha('m1') });
    expect(world.view('A')).toMatchObject({ headSha: sha('A.1'), mergeCi: 'passed' });
    expect(world.merges).toHaveLength(1);
  });

  it('stands while the base is red after a merge, says so, and goes on when it is green', async () => {
    world.verdicts.set(sha('m1'), 'failed');
    const mission = await engine.startMission({ key: 'red', milestones: tasksNamed('A', 'B') });
    await until(() => [...world.views.values()].some((view) => view.waits?.on.includes('mended') ?? false));

    const [first] = world.merges;
    expect(world.view(first?.task ?? '').waits).toMatchObject({ for: 'person', gate: 'verify-merge' });
    expect(world.merges).toHaveLength(1);
    world.verdicts.delete(sha('m1'));

    expect(await mission.result()).toMatchObject({ status: 'completed' });
    expect(world.merges).toHaveLength(2);
  });

  it('takes a merge back that has turned the base red, where the policy says so, and its task mends it', async () => {
    world.verdicts.set(sha('m1'), 'failed');
    const handle = await engine.startTask({ task: task('A'), policy: { redBase: 'revert' } });

    expect(await handle.result()).toMatchObject({ status: 'merged', mergeSha: sha('m3'), pullRequest: 102 });
    const opened = world.pullRequests.map(({ branch, state }) => [branch, state]);
    expect(opened).toEqual([
      ['mission/demo/A', 'merged'],
      ['mission-revert/A', 'merged'],
      ['mission/demo/A', 'merged'],
    ]);
    expect(world.sessions).toHaveLength(2);
    expect(world.sessions[1]?.feedback[0]?.message).toContain(
      `taken back again: main is failed at ${sha('m1')}`,
    );
    expect([...world.branches.keys()]).toEqual([]);
  });

  /** A merge that turned the base red, was taken back, and mended by its task. */
  const mendedAfterwards = { status: 'merged', pullRequest: 102 };
  const isRevert = ({ branch }: { branch: string }) => branch.startsWith('mission-revert/');

  it('finds a revert of its own that was merged, whose answer was lost for good', async () => {
    world.verdicts.set(sha('m1'), 'failed');
    world.afterMerge = (request) => {
      if (isRevert(request)) throw refused('nobody knows what has come of it');
    };
    const handle = await engine.startTask({ task: task('A'), policy: { redBase: 'revert' } });

    expect(await handle.result()).toMatchObject({ ...mendedAfterwards, mergeSha: sha('m3') });
    expect(world.merges).toHaveLength(3);
    expect([...world.branches.keys()]).toEqual([]);
  });

  it('finds a revert of its own that a person has merged, where the lane might not', async () => {
    world.verdicts.set(sha('m1'), 'failed');
    world.beforeMerge = (request) => {
      if (isRevert(request)) throw refused('only people merge here');
    };
    const handle = await engine.startTask({ task: task('A'), policy: { redBase: 'revert' } });
    await until(async () => {
      const { redBase } = LaneView.parse(await laneOf(engine).query(queries.view));
      return redBase?.includes('not reverted: merge: only people merge here') ?? false;
    });
    const headSha = world.branches.get('mission-revert/A');
    world.base = sha('by hand');
    const opened = world.pullRequests.find(isRevert);
    Object.assign(opened ?? {}, { state: 'merged', merge: { headSha, mergeSha: world.base } });

    expect(await handle.result()).toMatchObject({ ...mendedAfterwards, mergeSha: sha('m2') });
    expect(world.sessions).toHaveLength(2);
  });

  it('stands before a base that somebody else has broken, and whoever waits says so', async () => {
    world.reviewer = () => {
      world.verdicts.set(sha('broken'), 'failed');
      world.base = sha('broken');
      return approval;
    };
    const handle = await engine.startTask({ task: task('A') });
    await until(() => world.views.get('A')?.waits?.for === 'person');
    expect(world.view('A').waits).toMatchObject({ gate: 'merge-lane' });
    expect(world.view('A').waits?.on).toContain(`main is failed at ${sha('broken')}`);
    const late = await engine.startTask({ task: task('B') });
    await until(() => world.views.get('B')?.waits?.on.includes('mended') ?? false);
    expect(world.merges).toEqual([]);
    await late.cancel();
    await until(() => world.view('B').status === 'cancelled');
    world.verdicts.delete(sha('broken'));

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.view('A').waited.some(({ on }) => on.includes('its turn'))).toBe(true);
  });

  it('skips a task that was terminated while it waited for its turn', async () => {
    const { come: release, came: released } = moment();
    world.beforeMerge = () => released;
    const first = await engine.startTask({ task: task('A') });
    await until(() => world.views.get('A')?.gate === 'merge-lane');
    const second = await engine.startTask({ task: task('B') });
    await requestsHeard(engine, 2);
    await second.terminate();
    const third = await engine.startTask({ task: task('C') });
    await requestsHeard(engine, 3);
    release();

    expect(await first.result()).toMatchObject({ status: 'merged' });
    expect(await third.result()).toMatchObject({ status: 'merged' });
    expect(world.merges.map((merge) => merge.task)).toEqual(['A', 'C']);
  });

  it('lets the more urgent mission go first', async () => {
    const { come: release, came: released } = moment();
    world.beforeMerge = () => released;
    const handles = [await engine.startTask({ task: task('A') })];
    await requestsHeard(engine, 1);
    handles.push(await engine.startTask({ task: task('B') }));
    await requestsHeard(engine, 2);
    handles.push(await engine.startTask({ task: task('C'), policy: { priority: 1 } }));
    await requestsHeard(engine, 3);
    release();

    await Promise.all(handles.map((handle) => handle.result()));
    expect(world.merges.map((merge) => merge.task)).toEqual(['A', 'C', 'B']);
  });

  it('that can’t verify a merge says so: the task looks by itself, or a person decides', async () => {
    world.unverifiable = sha('m1');
    const handle = await engine.startTask({ task: task('A') });

    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect(world.issues.get('A')?.state).toBe('closed');
    expect(world.view('A')).toMatchObject({ mergeCi: 'passed', evidence: { base: { verdict: 'passed' } } });
  });

  it('lets a request that waits be withdrawn, and merges the others', async () => {
    const { come: release, came: released } = moment();
    world.beforeMerge = () => released;
    const first = await engine.startTask({ task: task('A') });
    await until(() => world.views.get('A')?.gate === 'merge-lane');
    const second = await engine.startTask({ task: task('B') });
    await until(() => world.views.get('B')?.gate === 'merge-lane');
    await second.cancel();
    await until(() => world.views.get('B')?.status === 'cancelled');
    release();

    expect(await first.result()).toMatchObject({ status: 'merged' });
    await expect(second.result()).rejects.toThrow();
    expect(world.merges.map((merge) => merge.task)).toEqual(['A']);
  });

  it('lets a request be withdrawn while it updates the branch, and nothing of it is left', async () => {
    moveBaseDuringReview();
    let entered = false;
    const { come: release, came: released } = moment();
    world.conflicts = async () => {
      entered = true;
      await released;
      return [];
    };
    const handle = await engine.startTask({ task: task('A') });
    await until(() => entered);
    await handle.cancel();
    await until(async () =>
      JSON.stringify(await laneOf(engine).fetchHistory()).includes(signals.mergeWithdrawal),
    );
    release();

    await expectNothingLeft(handle);
  });

  it('lets a request be withdrawn while CI tests its update, and nothing of it is left', async () => {
    const handle = await startUntilUpdated();
    await handle.cancel();

    await expectNothingLeft(handle);
  });

  it('leaves alone what somebody else has pushed to the branch of a request that is withdrawn', async () => {
    const handle = await startUntilUpdated();
    world.push('mission/demo/A', 'theirs');
    await handle.cancel();

    await expect(handle.result()).rejects.toThrow();
    expect(world.branches.get('mission/demo/A')).toBe(sha('theirs'));
  });

  it('ignores malformed signals and a request that it has answered already', async () => {
    const handle = await engine.startTask({ task: task('A') });
    await handle.result();
    await laneOf(engine).signal(signals.mergeRequest, { nonsense: true });
    await laneOf(engine).signal(signals.mergeWithdrawal, 7);
    await laneOf(engine).signal(signals.mergeRequest, {
      id: `${handle.workflowId}#1`,
      workflowId: handle.workflowId,
      mission: 'demo',
      task: 'A',
      title: 'A again',
      pullRequest: 100,
      branch: 'mission/demo/A',
      headSha: sha('A.1'),
      approvals: [],
      requireCi: false,
    });
    const next = await engine.startTask({ task: task('B') });

    expect(await next.result()).toMatchObject({ status: 'merged' });
    expect(world.merges.map((merge) => merge.task)).toEqual(['A', 'B']);
  });
});
