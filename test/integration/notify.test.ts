import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startListener } from '../support/listener.ts';
import { commits, startRealEngine } from '../support/real-engine.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';

it('tells who is away what waits for a person, when both are back, and the end of a mission', async () => {
  const listener = await startListener();
  const secretFile = join(await temporaryFolder(), 'secret');
  await writeFile(secretFile, 'nobody knows it', { mode: 0o600 });
  const engine = await startRealEngine({ 'README.md': 'hi\n' }, () => ({
    allowPrivateAddresses: true,
    notify: [{ url: listener.url, secretFile }],
  }));
  expect(await engine.api.testNotify()).toMatchObject([{ status: 204, error: null }]);
  listener.heard.length = 0;

  // It takes nothing, then it is away, and the engine too.
  listener.answer = () => 503;
  const file = await engine.missionFile({
    key: 'red',
    scripts: { A: commits('a.txt') },
    more: { policy: { remediations: 0 } },
    task: { checks: ['false'] },
  });
  await engine.api.create(JSON.stringify(file), 'application/json');
  await until(() => listener.heard.length > 0);
  await listener.close();
  const before = listener.heard.map(({ notification }) => notification.id);
  await engine.restart(async () => {
    listener.answer = () => 204;
    await listener.open();
  });
  await until(() => listener.heard.length > before.length);
  const [first] = listener.heard;
  expect(first?.notification).toMatchObject({ kind: 'blocked', mission: 'red', task: 'A' });
  expect(new Set(listener.heard.map(({ notification }) => notification.id)).size).toBe(1);

  const item = first?.notification.inbox[0]?.id ?? '';
  await engine.api.answerItem({ item, choice: 'skip', note: undefined });
  await until(() => listener.heard.some(({ notification }) => notification.kind === 'mission-ended'));
  expect(new Set(listener.heard.map(({ notification }) => notification.id)).size).toBe(2);
});
