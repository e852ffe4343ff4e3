import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Door } from '../../schema/contracts/door.ts';
import { idempotencyKeys, missions, tokens } from '../../schema/db/tables.ts';
import { pruneKeys } from '../../schema/db/idempotency.ts';
import { FakeWorld, type Work } from '../fakes/fake-world.ts';
import { startApi, type Answer, type TestApi } from '../support/api.ts';
import { moment } from '../support/moment.ts';
import { until } from '../support/until.ts';
import { startTestEngine, type TestEngine } from '../support/workers.ts';

let world: FakeWorld;
let engine: TestEngine;
let api: TestApi;

beforeAll(async () => {
  world = new FakeWorld();
  engine = await startTestEngine(world);
});
afterAll(() => engine.stop());
beforeEach(async () => {
  api = await startApi(engine);
});

const Created = z.object({ id: z.string() });
const Token = z.object({ name: z.string(), token: z.string() });
const Entries = z.object({
  entries: z.array(
    z.object({
      caller: z.string().nullable(),
      operation: z.string(),
      path: z.string(),
      idempotencyKey: z.string().nullable(),
      bodyHash: z.string(),
      status: z.number().nullable(),
    }),
  ),
  nextCursor: z.string().nullable(),
});

/** Agents that never come to an end by themselves, so that a mission stays where it is. */
function agentsThatWait(): { letGo: () => void } {
  let gone = false;
  world.author = async ({ task, launch }): Promise<Work> => {
    await until(() => gone);
    return { kind: 'commit', name: `${task}.${launch}` };
  };
  return { letGo: () => (gone = true) };
}

async function storedMissions(): Promise<string[]> {
  return (await api.queries.select({ id: missions.id }).from(missions)).map(({ id }) => id);
}

/** Holds the door, so that a call stays where it is. */
function doorThatWaits(): { door: (door: Door) => Door; letGo: () => void } {
  const { come: letGo, came: opened } = moment();
  const door = (real: Door): Door => ({
    ...real,
    admitMission: async (file) => {
      await opened;
      return real.admitMission(file);
    },
  });
  return { door, letGo };
}

function detailOf(answer: Answer): string {
  return z.object({ detail: z.string() }).parse(answer.body).detail;
}

describe('a mission that is told something over the API', () => {
  it('is paused, amended and resumed, by who calls; what does not fit is refused with its place', async () => {
    const { letGo } = agentsThatWait();
    const lead = await api.token({ name: 'lead' });
    await api.post('/v1/missions', api.missionFile({ key: 'told' }));
    const mission = engine.client.workflow.getHandle(`${engine.facts.installation}/mission-told`);

    const early = await api.post('/v1/missions/told/resume', {}, { token: lead });
    expect(early.status).toBe(204);
    expect(
      await api.post('/v1/missions/told/pause', { reason: 'a look' }, { token: lead, key: 'p' }),
    ).toMatchObject({ status: 204, body: '' });
    expect(await mission.query('view')).toMatchObject({ paused: { by: 'lead', reason: 'a look' } });

    const task = { id: 'B', title: 'More', goal: 'Do more.', runtime: 'command', command: 'work' };
    const yaml = `reason: more\nchanges:\n  - {change: add, milestone: m1, task: ${JSON.stringify(task)}}\n`;
    const amended = await api.send('/v1/missions/told/amendments', { body: yaml, type: 'application/yaml' });
    expect(amended).toMatchObject({
      status: 200,
      body: { milestones: [{ id: 'm1', tasks: ['A', 'B'], deferred: [] }] },
    });
    const misfit = { reason: 'wrong', changes: [{ change: 'defer', task: 'nobody' }] };
    expect(await api.post('/v1/missions/told/amendments', misfit)).toMatchObject({
      status: 422,
      type: 'application/problem+json',
      body: { faults: [{ path: 'changes.0' }] },
    });
    const unknown = { change: 'add', milestone: 'm1', task: { ...task, id: 'C', command: 'nothing' } };
    expect(await api.post('/v1/missions/told/amendments', { reason: 'x', changes: [unknown] })).toMatchObject(
      {
        status: 422,
        body: { faults: [{ path: 'changes.0.task.command' }] },
      },
    );

    expect(await api.post('/v1/missions/told/resume', {}, { token: lead })).toMatchObject({ status: 204 });
    letGo();
    expect(await mission.result()).toMatchObject({ status: 'completed' });
    const over = await api.post('/v1/missions/told/pause', {});
    expect(over.status).toBe(409);
    // Done long ago, and its workflow is over: the first answer stands.
    expect(
      await api.post('/v1/missions/told/pause', { reason: 'a look' }, { token: lead, key: 'p' }),
    ).toMatchObject({ status: 204 });
  });
});

describe('an Idempotency-Key', () => {
  it('gives the same mission to the same call, and refuses another body', async () => {
    const file = api.missionFile();
    const first = await api.post('/v1/missions', file, { key: 'k1' });
    const again = await Promise.all([1, 2, 3].map(() => api.post('/v1/missions', file, { key: 'k1' })));
    expect(first.status).toBe(201);
    for (const answer of again) expect(answer).toMatchObject({ status: 201, body: first.body });
    expect(await storedMissions()).toEqual([Created.parse(first.body).id]);

    const other = await api.post('/v1/missions', { ...file, title: 'Another' }, { key: 'k1' });
    expect(other).toMatchObject({ status: 409, type: 'application/problem+json' });
    expect(detailOf(other)).toContain('another body');
  });

  it('counts for one caller and one target only', async () => {
    const other = await api.token({ name: 'other' });
    const file = api.missionFile();
    const mine = Created.parse((await api.post('/v1/missions', file, { key: 'k' })).body);
    const theirs = Created.parse((await api.post('/v1/missions', file, { key: 'k', token: other })).body);
    expect(theirs.id).not.toBe(mine.id);
    const calls = await Promise.all(
      [mine, theirs].map(({ id }) => api.post(`/v1/missions/${id}/pause`, {}, { key: 'k' })),
    );
    expect(calls.map(({ status }) => status)).toEqual([204, 204]);
  });

  it('finds the mission of a call that died between its claim and its start', async () => {
    const file = api.missionFile();
    const { id } = Created.parse((await api.post('/v1/missions', file, { key: 'k' })).body);
    // As the engine leaves it when it dies before the call is answered, and before the workflow is started.
    await api.queries.update(idempotencyKeys).set({ status: null, body: null });
    await engine.client.workflow.getHandle(`${engine.facts.installation}/mission-${id}`).terminate();
    const repeated = await api.post('/v1/missions', file, { key: 'k' });
    expect(repeated).toMatchObject({ status: 200, body: { id } });
    expect(await storedMissions()).toEqual([id]);
  });

  it('is free again after a refusal, in which nothing was done', async () => {
    const file = api.missionFile();
    const wrong = { ...file, repository: { forge: 'local', path: '/nowhere.git' } };
    expect((await api.post('/v1/missions', wrong, { key: 'k' })).status).toBe(422);
    expect((await api.post('/v1/missions', file, { key: 'k' })).status).toBe(201);
  });

  it('makes one token, whose secret is told again and kept nowhere', async () => {
    const body = { name: 'ci', scopes: ['missions:read'] };
    const first = await api.post('/v1/tokens', body, { key: 'k' });
    const again = await api.post('/v1/tokens', body, { key: 'k' });
    expect(again).toMatchObject({ status: 201, body: first.body });
    const { token } = Token.parse(first.body);
    expect((await api.send('/v1/missions', { token })).status).toBe(200);
    expect(JSON.stringify(await api.queries.select().from(idempotencyKeys))).not.toContain(token);
    expect((await api.post('/v1/tokens', { ...body, name: 'cd' }, { key: 'k' })).status).toBe(409);
  });

  it('is forgotten after its time', async () => {
    await api.post('/v1/tokens', { name: 'one', scopes: ['admin'] }, { key: 'k' });
    const eightDaysAgo = new Date(Date.now() - 8 * 24 * 60 * 60 * 1000);
    await pruneKeys(api.queries, { before: eightDaysAgo });
    expect(await api.queries.select().from(idempotencyKeys)).toHaveLength(1);
    await api.queries.update(idempotencyKeys).set({ createdAt: eightDaysAgo });
    await pruneKeys(api.queries, { before: new Date(Date.now() - 7 * 24 * 60 * 60 * 1000) });
    expect(await api.queries.select().from(idempotencyKeys)).toHaveLength(0);
  });

  it('does not hold a stream back, nor keep it', async () => {
    const call = () => api.send('/v1/read-model/rebuild', { method: 'POST', key: 'k' });
    expect(await call()).toMatchObject({ status: 200, type: 'text/event-stream' });
    expect(await call()).toMatchObject({ status: 200, type: 'text/event-stream' });
    expect(await api.queries.select().from(idempotencyKeys)).toMatchObject([{ status: null, body: null }]);
  });

  it('has to be of a sensible length', async () => {
    const answer = await api.post('/v1/missions', api.missionFile(), { key: 'k'.repeat(201) });
    expect(answer).toMatchObject({ status: 400, body: { faults: [{ path: 'idempotency-key' }] } });
  });
});

describe('tokens', () => {
  it('are listed without what would let anybody use them', async () => {
    const expiresAt = '2126-01-01T00:00:00.000Z';
    await api.post('/v1/tokens', { name: 'lead', scopes: ['merge:approve'], expiresAt });
    const { body } = await api.send('/v1/tokens');
    expect(body).toMatchObject({
      tokens: [
        { name: 'lead', scopes: ['merge:approve'], expiresAt, revokedAt: null, lastUsedAt: null },
        { name: 'admin', scopes: ['admin'], expiresAt: null, revokedAt: null },
      ],
    });
    const text = JSON.stringify(body);
    const rows = await api.queries.select().from(tokens);
    for (const { hash } of rows) expect(text).not.toContain(hash);
    expect(text).not.toContain(api.admin);
  });

  it('are refused when they are revoked, and their names are free again', async () => {
    const lead = await api.token({ name: 'lead' });
    expect((await api.send('/v1/missions', { token: lead })).status).toBe(200);
    expect((await api.send('/v1/tokens/lead', { method: 'DELETE' })).status).toBe(204);
    const refused = await api.send('/v1/missions', { token: lead });
    expect(refused.status).toBe(401);
    expect(detailOf(refused)).toMatch(/the token lead was revoked at .+: ask for a new one/);
    expect((await api.post('/v1/tokens', { name: 'lead', scopes: ['missions:read'] })).status).toBe(201);
    expect((await api.send('/v1/missions', { token: lead })).status).toBe(401);
    const { tokens: listed } = z
      .object({ tokens: z.array(z.object({ name: z.string(), revokedAt: z.string().nullable() })) })
      .parse((await api.send('/v1/tokens')).body);
    expect(listed.filter(({ name }) => name === 'lead').map(({ revokedAt }) => revokedAt === null)).toEqual([
      true,
      false,
    ]);
  });

  it('are refused when they have expired', async () => {
    const soon = new Date(Date.now() - 1);
    const token = await api.token({ name: 'brief', expiresAt: soon });
    const refused = await api.send('/v1/missions', { token });
    expect(refused.status).toBe(401);
    expect(detailOf(refused)).toBe(`the token brief expired at ${soon.toISOString()}: ask for a new one`);
    const past = { name: 'past', scopes: ['admin'], expiresAt: '2020-01-01T00:00:00Z' };
    expect(await api.post('/v1/tokens', past)).toMatchObject({
      status: 422,
      body: { faults: [{ path: 'expiresAt' }] },
    });
  });

  it('do not revoke themselves, and nobody revokes what is not there', async () => {
    const own = await api.send('/v1/tokens/admin', { method: 'DELETE' });
    expect(own.status).toBe(409);
    expect((await api.send('/v1/tokens', {})).status).toBe(200);
    expect((await api.send('/v1/tokens/nobody', { method: 'DELETE' })).status).toBe(404);
  });

  it('tell when they were used last, with a write a minute at the most', async () => {
    const token = await api.token({ name: 'used' });
    const lastUsed = async () => {
      const [row] = await api.queries.select().from(tokens).where(eq(tokens.name, 'used'));
      return row?.lastUsedAt;
    };
    await api.send('/v1/missions', { token });
    const first = await lastUsed();
    expect(first).toBeInstanceOf(Date);
    await api.send('/v1/missions', { token });
    expect(await lastUsed()).toEqual(first);
    const longAgo = new Date(Date.now() - 61_000);
    await api.queries.update(tokens).set({ lastUsedAt: longAgo }).where(eq(tokens.name, 'used'));
    await api.send('/v1/missions', { token });
    expect((await lastUsed())?.getTime()).toBeGreaterThan(longAgo.getTime());
  });
});

describe('the audit', () => {
  it('has a row for every call that would change something, refused ones and strangers too', async () => {
    const reader = await api.token({ name: 'reader', scopes: ['missions:read'] });
    await api.post('/v1/missions', api.missionFile({ key: 'seen' }), { key: 'k1' });
    await api.post('/v1/missions', { a: 1 }, { token: reader });
    await api.post('/v1/missions/seen/cancel', { reason: 'a secret word' }, { token: 'mission_wrong' });
    await api.send('/v1/tokens/nobody', { method: 'DELETE' });
    await api.send('/v1/missions');
    await api.post('/v1/nowhere', {});

    const { body } = await api.send('/v1/audit');
    expect(Entries.parse(body).entries).toMatchObject([
      { caller: 'admin', operation: 'DELETE /v1/tokens/{name}', path: '/v1/tokens/nobody', status: 404 },
      {
        caller: null,
        operation: 'POST /v1/missions/{id}/cancel',
        path: '/v1/missions/seen/cancel',
        status: 401,
      },
      { caller: 'reader', operation: 'POST /v1/missions', status: 403 },
      { caller: 'admin', operation: 'POST /v1/missions', idempotencyKey: 'k1', status: 201 },
    ]);
    expect(JSON.stringify(body)).not.toContain('a secret word');
    expect((await api.send('/v1/audit', { token: reader })).status).toBe(403);
  });

  it('is read page by page, of one caller or of all', async () => {
    const other = await api.token({ name: 'other' });
    for (const n of [1, 2, 3]) await api.post('/v1/missions', { n }, { token: other });
    await api.post('/v1/missions', {});
    const first = Entries.parse((await api.send('/v1/audit?caller=other&limit=2')).body);
    const second = Entries.parse(
      (await api.send(`/v1/audit?caller=other&limit=2&cursor=${first.nextCursor ?? ''}`)).body,
    );
    expect(first.entries.map(({ caller }) => caller)).toEqual(['other', 'other']);
    expect(second.entries).toHaveLength(1);
    expect(second.nextCursor).toBeNull();
    expect(Entries.parse((await api.send('/v1/audit')).body).entries).toHaveLength(4);
  });

  it('has the intent before the call is done', async () => {
    const { door, letGo } = doorThatWaits();
    const held = await startApi(engine, { door });
    const call = held.post('/v1/missions', held.missionFile({ key: 'held' }));
    await until(async () => {
      const { entries } = Entries.parse((await held.send('/v1/audit')).body);
      return entries.some(({ operation, status }) => operation === 'POST /v1/missions' && status === null);
    });
    letGo();
    expect((await call).status).toBe(201);
    const { entries } = Entries.parse((await held.send('/v1/audit')).body);
    expect(entries).toMatchObject([{ status: 201 }]);
  });
});

describe('too many calls', () => {
  it('of one token are refused until the minute is over, and those of others are not', async () => {
    const limited = await startApi(engine, { requestsPerMinute: 3 });
    const token = await limited.token({ name: 'busy' });
    const answers = [];
    for (let n = 0; n < 4; n += 1) answers.push(await limited.send('/v1/missions', { token }));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
    const refused = answers.at(-1);
    expect(refused?.type).toBe('application/problem+json');
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await limited.send('/v1/missions')).status).toBe(200);
  });

  it('without a valid token are refused by address, without a row in the audit', async () => {
    const limited = await startApi(engine, { requestsPerMinute: 2 });
    const statuses = [];
    for (let n = 0; n < 4; n += 1) {
      statuses.push((await limited.post('/v1/missions', {}, { token: `mission_${n}` })).status);
    }
    expect(statuses).toEqual([401, 401, 429, 429]);
    expect(Entries.parse((await limited.send('/v1/audit')).body).entries).toHaveLength(2);
  });
});
