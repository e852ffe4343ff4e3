import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLateCi } from '../../api/late-ci.ts';
import { initialMissionView, type TaskView } from '../../schema/contracts/views.ts';
import { taskLine } from '../../scripts/cli/timeline.ts';
import { approval, FakeWorld, sha } from '../fakes/fake-world.ts';
import { historyText } from '../support/histories.ts';
import { repository, task } from '../support/plans.ts';
import { until } from '../support/until.ts';
import { startTestEngine, type TestEngine } from '../support/workers.ts';

let world: FakeWorld;
let engine: TestEngine;
let logged: unknown[];

beforeEach(async () => {
  world = new FakeWorld();
  engine = await startTestEngine(world);
  logged = [];
});
afterEach(() => engine.stop());

/** The task as whoever asks for its mission sees it. */
async function shown(installation = engine.facts.installation): Promise<TaskView> {
  const { client, facts } = engine;
  const mission = initialMissionView({ mission: 'demo', title: 'Demo', repository }, 'running');
  const log = (error: unknown) => logged.push(error);
  const deps = { client, engine: { ...facts, installation }, log };
  const [view] = await withLateCi(deps, { mission, tasks: [world.view('A')] });
  if (!view) throw new Error('it has one task');
  return view;
}

async function untilLate(text: string): Promise<void> {
  await until(async () => world.views.has('A') && (await shown()).waits?.late === text);
}

describe('a task that waits for CI', () => {
  it('is shown with what is late, at its own gate and in the lane', async () => {
    world.late = 'it waits for scan, required and not heard of yet';
    for (const commit of [sha('A.1'), sha('A^0')]) world.verdicts.set(commit, 'pending');
    world.reviewer = () => {
      world.base = sha('base moved');
      return approval;
    };
    const handle = await engine.startTask({ task: task('A') });
    await untilLate(world.late);
    const waiting = await shown();
    expect(waiting.waits).toMatchObject({ gate: 'review-and-ci' });
    expect(taskLine(waiting, Date.now())).toContain(world.late);
    const history = await historyText(handle);
    expect(history).toContain(sha('A.1'));
    expect(history).not.toContain('scan');

    world.verdicts.delete(sha('A.1'));
    world.late = 'it waits for ci/test to end';
    await until(() => world.view('A').gate === 'merge-lane');
    await untilLate(world.late);
    world.verdicts.delete(sha('A^0'));
    expect(await handle.result()).toMatchObject({ status: 'merged' });
    expect((await shown()).waits).toBeNull();
    expect(logged).toEqual([]);
  });

  it('is shown with what the last look has said, where the server looks again', async () => {
    world.verdicts.set(sha('A.1'), 'pending');
    const handle = await engine.startTask({ task: task('A') });
    await untilLate('CI is pending');
    await handle.terminate();
  });

  it('is shown without it where Temporal knows nothing of it', async () => {
    world.verdicts.set(sha('A.1'), 'pending');
    const handle = await engine.startTask({ task: task('A') });
    await untilLate('CI is pending');
    expect(await shown('another')).toEqual(world.view('A'));
    expect(logged).toHaveLength(1);
    await handle.terminate();
  });
});
