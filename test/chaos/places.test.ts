import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { builtProgram } from '../../scripts/quickstart/engine-process.ts';
import { startKillableEngine } from '../support/engine-process.ts';
import { temporaryFolder } from '../support/temporary.ts';

/** A place is taken in the database before the workflow hears of it, and the launch follows that. */
const points = ['after placeSession', 'before runSession'];

it('of the engine between a place and its launch: the session keeps its place, and is launched once', async () => {
  const folder = join(await temporaryFolder(), 'points');
  await mkdir(folder);
  for (const point of points) await writeFile(join(folder, point), '');
  const command = builtProgram('crashing-engine', folder);
  // One seat: a second place for the same session would leave none for the next task.
  const settings = { 'engine.yaml': JSON.stringify({ slots: 1, labels: ['here'] }) };
  const world = await startKillableEngine({ command, settings });
  const launches = join(world.work, 'launches');
  const tasks = [];
  for (const id of ['A', 'B']) {
    const script = join(world.work, `${id}.sh`);
    const lines = [
      `echo "$MISSION_SESSION" >> '${launches}'`,
      `echo done > ${id}.txt`,
      'git add --all',
      "git commit --quiet --message 'Work'",
    ];
    await writeFile(script, lines.join('\n'));
    tasks.push({ id, title: id, goal: 'Do it.', runtime: 'script', script, labels: ['here'] });
  }
  const file = {
    version: 1,
    key: 'placed',
    title: 'Placed',
    repository: { forge: 'local', path: world.repository.planned.address },
    milestones: [{ id: 'm1', title: 'All', tasks }],
  };
  const lives = liveThrough(world.engine, points.length);
  await (await world.api()).create(JSON.stringify(file), 'application/json');
  await world.follow('placed');
  await lives;

  expect(await readdir(folder)).toEqual([]);
  const { tasks: done } = await (await world.api()).show('placed');
  expect(done.map(({ status }) => status)).toEqual(['merged', 'merged']);
  expect((await readFile(launches, 'utf8')).trim().split('\n').sort()).toEqual([
    'placed.A.author.1',
    'placed.B.author.1',
  ]);
}, 240_000);

/** Starts the engine again after each of so many deaths. */
async function liveThrough(
  engine: { ended(): Promise<unknown>; start(): Promise<unknown> },
  deaths: number,
): Promise<void> {
  for (let death = 0; death < deaths; death += 1) {
    await engine.ended();
    await engine.start();
  }
}
