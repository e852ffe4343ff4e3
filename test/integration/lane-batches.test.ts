import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeWorld, sha } from '../fakes/fake-world.ts';
import { requestsHeard } from '../support/lanes.ts';
import { moment } from '../support/moment.ts';
import { task } from '../support/plans.ts';
import { startTestEngine, type TestEngine } from '../support/workers.ts';

let world: FakeWorld;
let engine: TestEngine;

beforeEach(async () => {
  world = new FakeWorld();
  engine = await startTestEngine(world);
});
afterEach(() => engine.stop());

/** Tasks that all stand in the lane, behind one that is merged only when all of them are there. */
async function runBehind(first: string, ...others: string[]) {
  const { come, came } = moment();
  world.beforeMerge = () => came;
  const policy = { batch: 4 };
  const handles = [await engine.startTask({ task: task(first), policy })];
  await requestsHeard(engine, 1);
  for (const [index, id] of others.entries()) {
    handles.push(await engine.startTask({ task: task(id), policy }));
    await requestsHeard(engine, index + 2);
  }
  come();
  return Promise.all(handles.map((handle) => handle.result()));
}

function merged(): string[] {
  return world.merges.map((merge) => merge.task);
}

describe('tasks that wait in the lane together', () => {
  it('are tested together, and merged one after another without a test of their own', async () => {
    const results = await runBehind('A', 'B', 'C', 'D');

    expect(results.map(({ status }) => status)).toEqual(['merged', 'merged', 'merged', 'merged']);
    expect(merged()).toEqual(['A', 'B', 'C', 'D']);
    expect(world.batches).toEqual([['B', 'C', 'D']]);
    // Each head by itself before its go-ahead, the batch, and the base at the merge of the last.
    const heads = ['A.1', 'B.1', 'C.1', 'D.1', 'm1', 'batch1', 'm4'];
    expect([...new Set(world.tested)].sort()).toEqual(heads.map(sha).sort());
    const bases = world.merges.map(({ baseSha }) => baseSha);
    expect(bases).toEqual(['base', 'm1', 'm2', 'm3'].map(sha));
    for (const id of ['B', 'C', 'D']) expect(world.view(id)).toMatchObject({ mergeCi: 'passed' });
    expect([...world.branches.keys()]).toEqual([]);
  });

  it('are halved until the one that breaks them is found: it alone goes back to its author', async () => {
    world.batchVerdict = (tasks) => (tasks.includes('C') ? 'failed' : 'passed');
    // The head that the lane makes of it, when all of the others before it are merged.
    world.verdicts.set(sha('C^2'), 'failed');
    const results = await runBehind('A', 'B', 'C', 'D', 'E');

    expect(results.map(({ status }) => status)).toEqual(Array(5).fill('merged'));
    expect(world.batches).toEqual([
      ['B', 'C', 'D', 'E'],
      ['B', 'C'],
      ['C', 'D', 'E'],
      ['C', 'D'],
      ['D', 'E'],
    ]);
    expect(merged()).toEqual(['A', 'B', 'D', 'E', 'C']);
    expect(world.sessions.map((session) => `${session.task}.${session.launch}`).sort()).toEqual(
      ['A.1', 'B.1', 'C.1', 'C.2', 'D.1', 'E.1'].sort(),
    );
    const [told] = world.sessions.filter(({ task: id, launch }) => id === 'C' && launch === 2);
    expect(told?.feedback[0]?.message).toContain('ci/test');
  });
});
