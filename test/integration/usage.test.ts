import { expect, it, onTestFinished } from 'vitest';
import { FakeWorld } from '../fakes/fake-world.ts';
import { startApi } from '../support/api.ts';
import { agentSession, tellMission, tellSessions } from '../support/missions.ts';
import { startTestEngine } from '../support/workers.ts';

it('sums up by mission, task, session and runtime, of one mission and since a time', async () => {
  const engine = await startTestEngine(new FakeWorld());
  onTestFinished(() => engine.stop());
  const api = await startApi(engine);
  const { queries } = api;
  await tellMission(queries, { id: 'u1', repository: 1, status: 'running', tasks: ['A', 'B'] });
  await tellMission(queries, { id: 'u2', repository: 1, status: 'completed' });
  await tellSessions(queries, { mission: 'u1', sessions: [agentSession('u1.A.author.1')] });
  const endedAt = Date.parse('2026-11-02T00:00:00Z');
  const later = agentSession('u1.B.author.1', { runtime: 'pi', usage: { costUsd: 0.25 }, endedAt });
  await tellSessions(queries, { mission: 'u1', task: 'B', sessions: [later] });
  await tellSessions(queries, { mission: 'u2', sessions: [agentSession('u2.A.author.1', { endedAt })] });

  expect(await api.send('/v1/usage')).toMatchObject({
    status: 200,
    body: {
      by: 'mission',
      rows: [
        { mission: 'u1', task: null, sessions: 2, inputTokens: 2_000, costUsd: 0.25, unpriced: 1 },
        { mission: 'u2', sessions: 1, costUsd: null },
      ],
      more: 0,
      total: { sessions: 3, inputTokens: 3_000, outputTokens: 30, seconds: 180 },
    },
  });
  expect(
    (await api.send('/v1/usage?by=task&mission=u1&since=2026-11-01T01:00:00%2B01:00')).body,
  ).toMatchObject({
    rows: [{ mission: 'u1', task: 'B', sessions: 1 }],
  });
  const ever = await api.send('/v1/usage?since=0000-01-01T00:00:00Z');
  expect(ever.body).toMatchObject({ total: { sessions: 3 } });
  expect((await api.send('/v1/usage?by=runtime&limit=1')).body).toMatchObject({
    rows: [{ runtime: 'codex', sessions: 2 }],
    more: 1,
  });
  expect(await api.send('/v1/usage?mission=no')).toMatchObject({ status: 404 });
  for (const wrong of ['by=host', 'since=yesterday', 'limit=0', 'mission=No', 'who=me']) {
    expect(await api.send(`/v1/usage?${wrong}`)).toMatchObject({ status: 400 });
  }
  const powerless = await api.token({ name: 'powerless', scopes: ['fleet:operate'] });
  expect(await api.send('/v1/usage', { token: powerless })).toMatchObject({ status: 403 });
});

it('tells the newest of the windows of each account, and null where a program tells none', async () => {
  const engine = await startTestEngine(new FakeWorld());
  onTestFinished(() => engine.stop());
  const api = await startApi(engine);
  const { queries } = api;
  await tellMission(queries, { id: 'w1', repository: 1, status: 'running' });
  const hour = 3_600_000;
  const now = Date.now();
  const week = { window: '7d' as const, usedPercent: 7, resetsAt: now + 24 * hour };
  function fiveHours(usedPercent: number) {
    return { window: '5h' as const, usedPercent, resetsAt: now + hour };
  }
  await tellSessions(queries, {
    mission: 'w1',
    sessions: [
      agentSession('w1.A.author.1', { endedAt: now - 2 * hour, windows: [fiveHours(40), week] }),
      agentSession('w1.A.author.2', { endedAt: now - hour, windows: [fiveHours(60)] }),
      agentSession('w1.A.author.3', { endedAt: now }),
      agentSession('w1.A.author.4', { runtime: 'pi', endedAt: now }),
      agentSession('w1.A.author.5', { runtime: 'claude', windows: [week] }),
    ],
  });
  const nothing = { usedPercent: null, resetsAt: null, toldAt: null };
  expect(await api.send('/v1/usage')).toMatchObject({
    status: 200,
    body: {
      windows: [
        { account: 'codex', ...fiveHours(60), toldAt: now - hour },
        { account: 'codex', ...week, toldAt: now - 2 * hour },
        { account: 'pi', window: '5h', ...nothing },
        { account: 'pi', window: '7d', ...nothing },
      ],
    },
  });
});
