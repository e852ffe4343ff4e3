import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';
import { isAlive } from '../../activities/processes/tree.ts';
import type { TaskView } from '../../schema/contracts/views.ts';
import { newHost, startCuttableWay, type HostProcess } from '../support/host-process.ts';
import { commits, startRealEngine, type RealEngine } from '../support/real-engine.ts';
import { runnerOf } from '../support/runners.ts';
import { until } from '../support/until.ts';

/** An engine and hosts start, and leases run out, on a loaded machine. */
const timeout = 300_000;

interface Story {
  /** Where each session of a task was begun, as the script itself has seen it. */
  begun(task: string): Promise<string[]>;
  /** Lets the scripts come to their end. */
  open(): Promise<void>;
  /** The tasks as they stand when the mission has ended. */
  ended(): Promise<Map<string, TaskView>>;
}

/** A mission with a task for each label, which nothing but a host of that label can do. One launch is all each has. */
async function startMission(engine: RealEngine, labels: readonly string[]): Promise<Story> {
  const notes = join(engine.root, 'begun');
  const gate = join(engine.root, 'go-on');
  await mkdir(notes);
  const tasks = [];
  for (const label of labels) {
    const script = join(engine.root, `${label}.sh`);
    const waits = `pwd > '${notes}'/$MISSION_TASK.$MISSION_LAUNCH.$$\nuntil [ -e '${gate}' ]; do sleep 0.1; done`;
    await writeFile(script, `${waits}\n${commits(`${label}.txt`)}`);
    tasks.push({ id: label, title: label, goal: 'Do it.', runtime: 'script', script, labels: [label] });
  }
  const file = {
    version: 1,
    key: 'spread',
    title: 'Over several hosts',
    repository: { forge: 'local', path: engine.repository.planned.address },
    policy: { sessions: 1 },
    milestones: [{ id: 'm1', title: 'All', tasks }],
  };
  await engine.api.create(JSON.stringify(file), 'application/json');
  return {
    async begun(task) {
      const names = (await readdir(notes)).filter((name) => name.startsWith(`${task}.`)).sort();
      return Promise.all(names.map(async (name) => (await readFile(join(notes, name), 'utf8')).trim()));
    },
    open: () => writeFile(gate, ''),
    async ended() {
      await until(async () => (await engine.api.show('spread')).mission.status === 'completed');
      const { tasks } = await engine.api.show('spread');
      return new Map(tasks.map((task) => [task.id, task]));
    },
  };
}

function onHost(host: HostProcess): unknown {
  return expect.stringContaining(host.data);
}

it('each task is done on a host that has what it asks for', { timeout }, async () => {
  const engine = await startRealEngine({ 'README.md': 'hi\n' });
  const [east, west] = await Promise.all([
    newHost(engine, 'e', undefined, ['--labels', 'east']),
    newHost(engine, 'w', undefined, ['--labels', 'west']),
  ]);
  await Promise.all([east.start(), west.start()]);
  const story = await startMission(engine, ['east', 'west']);
  await story.open();
  const tasks = await story.ended();
  expect(tasks.get('east')).toMatchObject({ status: 'merged', sessions: [{ host: 'e' }, {}, {}] });
  expect(tasks.get('west')).toMatchObject({ status: 'merged', sessions: [{ host: 'w' }, {}, {}] });
  expect(await story.begun('east')).toEqual([onHost(east)]);
  expect(await story.begun('west')).toEqual([onHost(west)]);
});

it(
  'a host that is cut off for good: its session has ended itself before the task begins anew elsewhere, once',
  { timeout },
  async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    const way = await startCuttableWay(inject('temporalAddress'));
    const first = await newHost(engine, 'a', way.address, ['--labels', 'east']);
    await first.start();
    const story = await startMission(engine, ['east']);
    await until(async () => (await story.begun('east')).length === 1);
    const second = await newHost(engine, 'b', undefined, ['--labels', 'east']);
    await second.start();
    const runner = await runnerOf(first, 'spread.east.author.1');
    way.cut();

    await until(async () => {
      const wasAlive = isAlive(runner);
      const { length } = await story.begun('east');
      // Never two at once: the first was dead when there was a second.
      if (length === 2) expect(wasAlive).toBe(false);
      return length === 2;
    });
    // What was cut off is heard again, and comes too late.
    way.mend();
    await story.open();
    const east = (await story.ended()).get('east');
    expect(east).toMatchObject({ status: 'merged' });
    expect(east?.sessions.filter(({ role }) => role === 'author')).toMatchObject([
      { id: 'spread.east.author.1', host: 'a', end: 'lost' },
      { id: 'spread.east.author.2', host: 'b', end: 'exited' },
    ]);
    expect(await story.begun('east')).toEqual([onHost(first), onHost(second)]);
    expect(await engine.repository.history()).toHaveLength(2);
  },
);
