import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { z } from 'zod';
import type { MissionEvent } from '../../schema/contracts/views.ts';
import { createApi } from '../../scripts/cli/api-client.ts';
import { adminTokenFile } from '../../workers/data-directory.ts';
import { commits, startRealEngine, type RealEngine } from '../support/real-engine.ts';
import { until } from '../support/until.ts';

async function send(
  engine: RealEngine,
  path: string,
  init: {
    method?: string;
    body?: string;
    type?: string;
    token?: string;
    headers?: Record<string, string>;
  } = {},
) {
  const response = await fetch(`${engine.url}${path}`, {
    method: init.method ?? (init.body === undefined ? 'GET' : 'POST'),
    ...(init.body === undefined ? {} : { body: init.body }),
    headers: {
      authorization: `Bearer ${init.token ?? engine.token}`,
      'content-type': init.type ?? 'application/json',
      ...init.headers,
    },
  });
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  const body: unknown = type.includes('json') ? JSON.parse(text) : text;
  return { status: response.status, type, body };
}

async function eventsOf(engine: RealEngine, id: string, after = 0): Promise<MissionEvent[]> {
  const events: MissionEvent[] = [];
  for await (const event of engine.api.events({ id, after })) events.push(event);
  return events;
}

describe('the API of a whole engine', () => {
  it('runs a mission from YAML to a verified merge on a real repository', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    const file = await engine.missionFile({
      key: 'solo',
      scripts: { A: commits('a.txt'), B: commits('b.txt') },
    });
    const created = await send(engine, '/v1/missions', { body: stringify(file), type: 'application/yaml' });
    expect(created).toMatchObject({ status: 201, body: { id: 'solo' } });

    const events = await eventsOf(engine, 'solo');
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1)).toMatchObject({ type: 'mission-ended', message: 'completed' });
    expect(await eventsOf(engine, 'solo', 5)).toEqual(events.slice(5));
    expect(await eventsOf(engine, 'solo', events.length)).toEqual([]);

    const { mission, tasks } = await engine.api.show('solo');
    expect(mission.status).toBe('completed');
    expect(tasks.map(({ status, mergeCi }) => [status, mergeCi])).toEqual([
      ['merged', 'not-configured'],
      ['merged', 'not-configured'],
    ]);
    expect(await engine.repository.history()).toHaveLength(3);
  });

  it('keeps one mission for one key, and refuses another file under it', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    const file = await engine.missionFile({ key: 'same', scripts: { A: commits('a.txt') } });
    const body = JSON.stringify(file);
    const answers = await Promise.all([1, 2, 3].map(() => send(engine, '/v1/missions', { body })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 201]);
    const other = await send(engine, '/v1/missions', { body: JSON.stringify({ ...file, title: 'Another' }) });
    expect(other).toMatchObject({ status: 409, type: 'application/problem+json' });
    await eventsOf(engine, 'same');
    expect(await engine.repository.history()).toHaveLength(2);
  });

  it('knows of a task that an amendment has added its goal, its checks and what it waits for', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' }, () => ({ commands: { work: ['true'] } }));
    const more = { policy: { coordinators: ['lead'] } };
    const file = await engine.missionFile({ key: 'grown', scripts: { A: commits('a.txt') }, more });
    await engine.api.create(JSON.stringify(file), 'application/json');
    await until(async () => (await engine.api.show('grown')).tasks[0]?.gate === 'go-ahead');
    const task = { id: 'B', title: 'French', goal: 'Greet in French too.', acceptance: [], dependsOn: ['A'] };
    const added = { ...task, checks: ['test -e b.txt'], runtime: 'command' as const, command: 'work' };
    const changes = [{ change: 'add' as const, milestone: 'm1', task: added }];
    await engine.api.amend({ id: 'grown', amendment: { reason: 'more', changes } });

    const [milestone] = (await engine.api.handoff({ id: 'grown' })).milestones;
    expect(milestone?.tasks.map(({ id, goal }) => [id, goal])).toEqual([
      ['A', 'Do it.'],
      ['B', 'Greet in French too.'],
    ]);
    const why = await engine.api.why({ id: 'grown', task: 'B' });
    expect(why.answer).toBe('B may not be merged yet: intake: it begins after A (running)');
    expect(why.gates.find(({ gate }) => gate === 'verify-delivery')?.missing).toContain('`test -e b.txt`');
  });

  it('takes a go-ahead for the present head only, from a coordinator only', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    const lead = await engine.api.createToken({ name: 'lead', scopes: ['missions:read', 'merge:approve'] });
    const file = await engine.missionFile({
      key: 'coordinated',
      scripts: { A: commits('a.txt') },
      more: { policy: { coordinators: ['lead'] } },
    });
    await engine.api.create(JSON.stringify(file), 'application/json');
    const path = '/v1/missions/coordinated/tasks/A/merge-go-ahead';
    await until(async () => (await engine.api.show('coordinated')).tasks[0]?.gate === 'go-ahead');
    const headSha = (await engine.api.show('coordinated')).tasks[0]?.headSha ?? '';

    const before = await engine.api.why({ id: 'coordinated', task: 'A' });
    expect(before.answer).toBe(`A may not be merged yet: go-ahead: the go-ahead of lead for ${headSha}`);
    expect(before.gates.find(({ gate }) => gate === 'go-ahead')).toMatchObject({
      state: 'here',
      for: 'person',
      command: `mission approve coordinated A --head ${headSha}`,
    });
    const handoff = await engine.api.handoff({ id: 'coordinated' });
    expect(handoff.waiting).toMatchObject([{ task: 'A', for: 'person' }]);
    const page = await send(engine, '/v1/missions/coordinated/handoff', {
      headers: { accept: 'text/markdown' },
    });
    expect(page).toMatchObject({ status: 200, type: 'text/markdown; charset=utf-8' });
    expect(page.body).toContain(`mission approve coordinated A --head ${headSha}`);
    await expect(engine.api.why({ id: 'coordinated', task: 'B' })).rejects.toThrow('there is no task B');

    const stale = await send(engine, path, {
      body: JSON.stringify({ headSha: '0'.repeat(40) }),
      token: lead,
    });
    expect(stale).toMatchObject({ status: 409, body: { headSha } });
    const abbreviated = await send(engine, path, {
      body: JSON.stringify({ headSha: headSha.slice(0, 8) }),
      token: lead,
    });
    expect(abbreviated.status).toBe(400);
    const stranger = await send(engine, path, { body: JSON.stringify({ headSha }) });
    expect(stranger).toMatchObject({ status: 403 });
    expect(await engine.repository.history()).toHaveLength(1);

    const headers = { 'idempotency-key': 'k1' };
    const given = await send(engine, path, { body: JSON.stringify({ headSha }), token: lead, headers });
    expect(given).toMatchObject({ status: 200, body: { sha: headSha, by: 'lead', via: 'api' } });
    const again = await send(engine, path, { body: JSON.stringify({ headSha }), token: lead, headers });
    expect(again.body).toEqual(given.body);
    expect((await eventsOf(engine, 'coordinated')).at(-1)).toMatchObject({ message: 'completed' });
    const after = await engine.api.why({ id: 'coordinated', task: 'A' });
    expect(after.gates.map(({ state }) => state)).toEqual(after.gates.map(() => 'passed'));
    expect(after.gates.find(({ gate }) => gate === 'go-ahead')?.evidence).toMatchObject([
      { what: 'go-ahead', sha: headSha, counts: true },
    ]);
  });

  it('cancels a mission in a live session: its processes end and its clone goes', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    const file = await engine.missionFile({
      key: 'cancel',
      scripts: { A: `touch '${engine.root}/live'\nsleep 600\n` },
    });
    await engine.api.create(JSON.stringify(file), 'application/json');
    await until(() => exists(join(engine.root, 'live')));
    await engine.api.cancel({ id: 'cancel', reason: 'enough' });

    expect((await eventsOf(engine, 'cancel')).at(-1)?.message).toBe('cancelled: cancelled by admin: enough');
    expect((await engine.api.show('cancel')).tasks[0]?.status).toBe('cancelled');
    expect(await exists(join(engine.root, 'data', 'work', 'cancel', 'A'))).toBe(false);
  });

  it('asks for a token, and for its scopes', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    const reader = await engine.api.createToken({ name: 'reader', scopes: ['missions:read'] });
    expect(await send(engine, '/v1/missions', { token: 'mission_wrong' })).toMatchObject({ status: 401 });
    expect(await send(engine, '/v1/missions', { token: reader })).toMatchObject({ status: 200 });
    expect(await send(engine, '/v1/missions', { token: reader, body: '{}' })).toMatchObject({ status: 403 });
    expect(await send(engine, '/v1/tokens', { token: reader, body: '{}' })).toMatchObject({ status: 403 });
    const { mode } = await stat(join(engine.root, 'data', adminTokenFile));
    expect(mode & 0o777).toBe(0o600);
  });

  it('refuses at the door what could not run, and says where and how to mend it', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    const good = await engine.missionFile({ key: 'door', scripts: { A: 'true\n' } });
    const { path } = { path: engine.repository.planned.address };
    const cases: { change: object; status: number; says: string }[] = [
      { change: { surprise: 1 }, status: 400, says: 'surprise' },
      { change: { repository: { forge: 'local', path: '/etc' } }, status: 422, says: 'roots' },
      { change: { repository: { forge: 'local', path, base: 'nope' } }, status: 422, says: 'no branch nope' },
      {
        change: { repository: { forge: 'local', path: engine.root } },
        status: 422,
        says: 'not a git repository',
      },
      {
        change: { repository: { forge: 'local', path: 'ext::sh -c id' } },
        status: 422,
        says: 'remote helpers',
      },
      {
        change: { policy: { reviewers: [{ engine: 'diff-check' }] } },
        status: 422,
        says: 'different families',
      },
      {
        change: { policy: { reviewers: [{ engine: 'nobody' }] } },
        status: 422,
        says: 'no engine is named nobody',
      },
    ];
    for (const { change, status, says } of cases) {
      const answer = await send(engine, '/v1/missions', { body: JSON.stringify({ ...good, ...change }) });
      expect(answer).toMatchObject({ status, type: 'application/problem+json' });
      expect(JSON.stringify(answer.body)).toContain(says);
    }
    expect((await engine.api.list({ limit: 10, cursor: undefined })).missions).toEqual([]);
  });

  it('lists missions page by page', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    const keys = ['p1', 'p2', 'p3'];
    for (const key of keys) {
      const more = { policy: { coordinators: ['nobody'] } };
      const file = await engine.missionFile({ key, scripts: { A: commits(`${key}.txt`) }, more });
      await engine.api.create(JSON.stringify(file), 'application/json');
    }
    const first = await engine.api.list({ limit: 2, cursor: undefined });
    const second = await engine.api.list({ limit: 2, cursor: first.nextCursor ?? '' });
    expect([...first.missions, ...second.missions].map(({ id }) => id)).toEqual(['p3', 'p2', 'p1']);
    expect(second.nextCursor).toBeNull();
  });

  it('describes itself, and says whether it is ready', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    expect(await send(engine, '/healthz')).toMatchObject({ status: 200 });
    expect(await send(engine, '/readyz')).toMatchObject({ status: 200, body: { ready: true } });
    const openapi = await send(engine, '/v1/openapi.json');
    const { paths } = z.object({ paths: z.record(z.string(), z.unknown()) }).parse(openapi.body);
    expect(Object.keys(paths).sort()).toEqual([
      '/healthz',
      '/readyz',
      '/v1/agents',
      '/v1/agents/{agent}',
      '/v1/agents/{agent}/reset',
      '/v1/agents/{agent}/send',
      '/v1/agents/{agent}/tail',
      '/v1/agents/{agent}/watch',
      '/v1/audit',
      '/v1/fleet/ps',
      '/v1/fleet/restart',
      '/v1/fleet/start',
      '/v1/fleet/stop',
      '/v1/fleet/verify',
      '/v1/hosts',
      '/v1/hosts/{name}',
      '/v1/hosts/{name}/drain',
      '/v1/inbox',
      '/v1/inbox/{item}/answer',
      '/v1/missions',
      '/v1/missions/{id}',
      '/v1/missions/{id}/amendments',
      '/v1/missions/{id}/cancel',
      '/v1/missions/{id}/events',
      '/v1/missions/{id}/handoff',
      '/v1/missions/{id}/pause',
      '/v1/missions/{id}/resume',
      '/v1/missions/{id}/tasks/{task}/answers',
      '/v1/missions/{id}/tasks/{task}/merge-go-ahead',
      '/v1/missions/{id}/tasks/{task}/resolution',
      '/v1/missions/{id}/tasks/{task}/why',
      '/v1/notify/test',
      '/v1/read-model/rebuild',
      '/v1/sweeps',
      '/v1/tokens',
      '/v1/tokens/{name}',
      '/v1/usage',
      '/v1/webhooks',
      '/v1/webhooks/{sender}',
    ]);
    expect(await send(engine, '/docs')).toMatchObject({ status: 200 });
    expect(await send(engine, '/docs/swagger-ui-bundle.js')).toMatchObject({ status: 200 });
    expect(await send(engine, '/v1/nowhere')).toMatchObject({
      status: 404,
      type: 'application/problem+json',
    });
    const nobody = createApi({ url: engine.url, token: engine.token });
    await expect(nobody.show('nothing')).rejects.toThrow('there is no mission nothing');
  });
});

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
