import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { TaskView } from '../../schema/contracts/views.ts';
import { commits, startRealEngine, type RealEngine } from '../support/real-engine.ts';
import { until } from '../support/until.ts';

async function taskOf(engine: RealEngine, key: string): Promise<TaskView> {
  const [first] = (await engine.api.show(key)).tasks;
  if (!first) throw new Error(`${key} has no task`);
  return first;
}

async function ended(engine: RealEngine, key: string): Promise<TaskView> {
  await until(async () => (await engine.api.show(key)).mission.status === 'completed');
  return taskOf(engine, key);
}

it('a session waits for room on the disk, says so, and begins when there is some', async () => {
  // More than any disk has free.
  const engine = await startRealEngine({ 'README.md': 'hi\n' }, () => ({ disk: { freeGigabytes: 100_000 } }));
  const file = await engine.missionFile({ key: 'short', scripts: { A: commits('a.txt') } });
  await engine.api.create(JSON.stringify(file), 'application/json');
  await until(async () => (await taskOf(engine, 'short')).waits?.on.includes('room on the disk') === true);
  const waiting = await taskOf(engine, 'short');
  expect(waiting.waits).toMatchObject({ for: 'engine' });
  expect(waiting.waits?.on).toMatch(
    /^room on the disk of local: [\d.]+ GiB are free, 100000 GiB are wanted$/,
  );
  expect(waiting.sessions).toEqual([]);
  await engine.restart(() =>
    writeFile(join(engine.root, 'data/engine.yaml'), '{requestsPerMinute: 1000000}'),
  );
  const task = await ended(engine, 'short');
  expect(task).toMatchObject({ status: 'merged', failures: [] });
  expect(task.sessions[0]).toMatchObject({ id: 'short.A.author.1', end: 'exited' });
});

it('a session that takes more of the disk than it may is ended with the figure, and the next begins without it', async () => {
  const engine = await startRealEngine({ 'README.md': 'hi\n' }, () => ({ disk: { sessionGigabytes: 0.01 } }));
  const fills = 'head -c 20000000 /dev/zero > "$HOME/cache"; head -c 20000000 /dev/zero > wild; sleep 600';
  const script = `[ -e "$HOME/cache" ] && exit 3\n[ "$MISSION_LAUNCH" = 1 ] && { ${fills}; }\n${commits('a.txt')}`;
  const file = await engine.missionFile({ key: 'wild', scripts: { A: script } });
  await engine.api.create(JSON.stringify(file), 'application/json');
  const task = await ended(engine, 'wild');
  expect(task.status).toBe('merged');
  const [first, second] = task.sessions.filter(({ role }) => role === 'author');
  expect(first?.end).toBe('disk');
  expect(first?.reason).toMatch(/^its clone and its home took 0\.04 GiB; 0\.01 GiB are the most$/);
  expect(second).toMatchObject({ end: 'exited', exitCode: 0 });
  expect(task.failures).toMatchObject([{ signature: 'implement:disk' }]);
});
