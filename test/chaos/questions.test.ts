import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { TaskView } from '../../schema/contracts/views.ts';
import { packageRoot } from '../../schema/package-root.ts';
import { startKillableEngine } from '../support/engine-process.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';

it('of the engine while a person is asked: the question is asked once and answered once', async () => {
  const root = await temporaryFolder();
  const data = join(root, 'data');
  await mkdir(data);
  const command = [join(packageRoot(), 'test/fakes/stub-acp.mjs')];
  const roster = { version: 1, acp: { stub: { command, env: { STUB_ACP_HOME: root } } } };
  await writeFile(join(data, 'roster.yaml'), JSON.stringify(roster));
  const world = await startKillableEngine({ place: { data, dataForEngine: data } });
  const goal = 'AT 1: ask execute touch b.txt, commit a.txt';
  const file = {
    version: 1,
    key: 'asks',
    title: 'Asks',
    repository: { forge: 'local', path: world.repository.planned.address },
    milestones: [
      { id: 'm1', title: 'All', tasks: [{ id: 'A', title: 'A', goal, runtime: 'acp', agent: 'stub' }] },
    ],
  };
  await (await world.api()).create(JSON.stringify(file), 'application/json');

  await until(async () => (await task()).questions.length > 0);
  await world.engine.kill();
  await world.engine.start();
  expect((await task()).questions.map(({ id }) => id)).toEqual(['author-1-1']);
  await (await world.api()).answer({ id: 'asks', task: 'A', question: 'author-1-1', option: 'yes' });
  // Whatever of the answer is on its way has to come by itself.
  await world.engine.kill();
  await world.engine.start();
  const events = await world.follow('asks');
  expect(await task()).toMatchObject({ status: 'merged', questions: [] });
  expect(events.filter(({ type }) => type === 'asked')).toHaveLength(1);
  expect(events.filter(({ type }) => type === 'answered')).toHaveLength(1);
  expect(await readFile(join(root, 'answered'), 'utf8')).toBe('"yes"\n');
  expect((await readFile(join(root, 'begun'), 'utf8')).trim().split('\n')).toHaveLength(1);

  async function task(): Promise<TaskView> {
    const [first] = (await (await world.api()).show('asks')).tasks;
    if (!first) throw new Error('the mission has no task');
    return first;
  }
}, 240_000);
