import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { dataPaths } from '../../activities/data-paths.ts';
import { commits, startRealEngine } from '../support/real-engine.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';

it('pull requests on real git are tested together, and halved until the one that breaks them is found', async () => {
  const hold = join(await temporaryFolder(), 'hold');
  const run = `while [ -e ${hold} ]; do sleep 0.1; done; ! { [ -e b.txt ] && [ -e c.txt ]; }`;
  const steps = [{ name: 'test', run }];
  const engine = await startRealEngine({
    '.mission/ci.yaml': JSON.stringify({ version: 1, steps }),
  });
  const { api, repository, root } = engine;
  // By itself it is green; on top of B it is not.
  const mends = `if grep -q 'CI failed' "$MISSION_PROMPT_FILE"; then git rm --quiet c.txt; fi\n`;
  const file = await engine.missionFile({
    key: 'batch',
    scripts: {
      A: commits('a.txt'),
      B: commits('b.txt'),
      C: `${commits('c.txt', '$MISSION_LAUNCH')}${mends}${commits('mended.txt', '$MISSION_LAUNCH')}`,
      D: commits('d.txt'),
      E: commits('e.txt'),
    },
    more: { policy: { batch: 4, parallel: 5, coordinators: ['admin'] } },
  });
  await api.create(JSON.stringify(file), 'application/json');

  const taskOf = async (id: string) => (await api.show('batch')).tasks.find((one) => one.id === id);
  async function goAhead(id: string): Promise<void> {
    await until(async () => (await taskOf(id))?.waits?.gate === 'go-ahead');
    await api.goAhead({ id: 'batch', task: id, headSha: (await taskOf(id))?.headSha ?? '' });
  }
  const ids = ['A', 'B', 'C', 'D', 'E'];
  for (const id of ids) await until(async () => (await taskOf(id))?.waits?.gate === 'go-ahead');
  // While CI has not told what the base is, or comes to with A, the others come to stand behind it.
  await writeFile(hold, '');
  for (const id of ids) {
    await goAhead(id);
    await until(async () => (await taskOf(id))?.waits?.on.startsWith('its turn in the lane') ?? false);
  }
  await rm(hold);
  await goAhead('C');
  for (const id of ids) await until(async () => (await taskOf(id))?.status === 'merged');

  const merged = (await repository.history()).toReversed().map((line) => line.replace(/ \(#\d+\)$/, ''));
  expect(merged).toEqual(['first', 'A: Task A', 'B: Task B', 'D: Task D', 'E: Task E', 'C: Task C']);
  const sessions = await readdir(dataPaths(join(root, 'data')).sessions);
  expect(sessions.filter((name) => name.startsWith('batch.C.author')).length).toBe(2);
  expect(sessions.filter((name) => name.startsWith('batch.D.author')).length).toBe(1);

  // Who was found green together has no test of its own on the base that it came to.
  const pipelines = dataPaths(join(root, 'data')).pipelines('');
  const [its = ''] = await readdir(pipelines);
  const tested = (await readdir(join(pipelines, its))).map((name) => name.split('-')[0]);
  const wasTested = async (id: string) => tested.includes((await taskOf(id))?.headSha ?? '');
  expect([await wasTested('B'), await wasTested('D'), await wasTested('E')]).toEqual([true, false, false]);
  expect(tested).toContain((await taskOf('E'))?.mergeSha);
  expect(tested).not.toContain((await taskOf('D'))?.mergeSha);
  const { stdout } = await repository.git.run({
    cwd: repository.planned.address,
    args: ['for-each-ref', '--format=%(refname:short)', 'refs/heads'],
  });
  expect(stdout.trim()).toBe('main');
}, 300_000);
