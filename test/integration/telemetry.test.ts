import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { adminTokenFile, readAddress } from '../../workers/data-directory.ts';
import { createLog } from '../../workers/log.ts';
import { startCollector, type Span } from '../support/collector.ts';
import { startKillableEngine, type KillableEngine } from '../support/engine-process.ts';
import { commits, startRealEngine } from '../support/real-engine.ts';

/** A loaded machine needs a minute for an engine with a database and a Temporal server of its own. */
const wholeEngineMs = 300_000;

const secret = `hush-${randomBytes(8).toString('hex')}`;

async function call(
  at: { url: string; token?: string },
  path: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  const authorization = at.token === undefined ? {} : { authorization: `Bearer ${at.token}` };
  return fetch(`${at.url}${path}`, { headers: { ...authorization, ...headers } });
}

async function logOf(at: KillableEngine): Promise<{ text: string; lines: Record<string, unknown>[] }> {
  const text = await readFile(at.engine.logPath, 'utf8');
  // The command's own words are in the same file.
  const lines = text
    .trim()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => z.record(z.string(), z.unknown()).parse(JSON.parse(line)))
    .filter((line) => 'msg' in line);
  return { text, lines };
}

/** A metric's samples, by their labels. */
function samples(text: string, name: string): Map<string, number> {
  const found = text.split('\n').flatMap((line): [string, number][] => {
    const [, labels, value] = new RegExp(`^${name}(?:\\{(.*)\\})? (\\S+)$`).exec(line) ?? [];
    return value === undefined ? [] : [[labels ?? '', Number(value)]];
  });
  return new Map(found);
}

/** The names from a span up to the root of its trace. */
function lineage(spans: Span[], name: string): string[] {
  const parentOf = (child: Span) => spans.find(({ spanId }) => spanId === child.parentSpanId);
  const names: string[] = [];
  let at = spans.find((candidate) => candidate.name === name);
  for (; at; at = parentOf(at)) names.push(at.name);
  return names;
}

describe('a whole engine, watched', () => {
  afterEach(() => vi.unstubAllEnvs());

  it(
    'tells one trace from the request to the session, its metrics, and no secret anywhere',
    { timeout: wholeEngineMs },
    async () => {
      const collector = await startCollector();
      vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
      vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', `x-auth=${secret}`);
      vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '100');
      vi.stubEnv('TEMPORAL_API_KEY', secret);
      const at = await startKillableEngine();
      const token = (await readFile(join(at.data, adminTokenFile), 'utf8')).trim();
      const { url = '', installation } = (await readAddress(at.data)) ?? {};
      await at.startMission({
        key: 'watched',
        scripts: { A: `echo ${secret} >&2\n${commits('a.txt')}` },
      });
      const events = await at.follow('watched');
      expect(events.at(-1)).toMatchObject({ type: 'mission-ended', message: 'completed' });

      const metrics = await (await call({ url }, '/metrics')).text();
      expect(samples(metrics, 'mission_engine_missions')).toEqual(new Map([['status="completed"', 1]]));
      expect(samples(metrics, 'mission_engine_tasks')).toEqual(new Map([['status="merged"', 1]]));
      expect(samples(metrics, 'mission_engine_tasks_waiting')).toEqual(new Map());
      expect(samples(metrics, 'mission_engine_effects')).toEqual(new Map([['kind="merge",state="done"', 1]]));
      expect(samples(metrics, 'mission_engine_sessions_supervised').get('activity="runSession"')).toBe(0);
      expect(
        samples(metrics, 'mission_engine_http_request_duration_seconds_count').get(
          'method="POST",route="/v1/missions",status="201"',
        ),
      ).toBe(1);
      expect(samples(metrics, 'mission_engine_metrics_part_up')).toEqual(
        new Map([
          ['part="sdk"', 1],
          ['part="database"', 1],
        ]),
      );
      expect(samples(metrics, 'process_resident_memory_bytes').size).toBe(1);
      const sdk = samples(metrics, 'temporal_activity_execution_latency_seconds_count');
      expect([...sdk.keys()].some((labels) => labels.includes('activity_type="runSession"'))).toBe(true);
      expect(metrics).not.toContain('watched');

      const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
      await call({ url, token }, '/v1/missions/watched?token=hush', { traceparent, 'x-request-id': 'req-1' });
      await call({ url, token: 'wrong' }, '/v1/missions/nothing');
      await at.engine.stop();

      const spans = collector.spans();
      expect(lineage(spans, 'RunActivity:runSession')).toEqual([
        'RunActivity:runSession',
        'StartActivity:runSession',
        'RunWorkflow:taskWorkflow',
        'StartChildWorkflow:taskWorkflow',
        'RunWorkflow:missionWorkflow',
        'StartWorkflow:missionWorkflow',
        'POST /v1/missions',
      ]);
      expect(lineage(spans, 'RunActivity:recordTask')).toContain('POST /v1/missions');
      const traces = spans.filter(({ name }) => /missionWorkflow|runSession/.test(name));
      expect(new Set(traces.map(({ traceId }) => traceId)).size).toBe(1);
      const asked = spans.find(({ name }) => name === 'GET /v1/missions/:id');
      expect(asked).toMatchObject({ traceId: 'a'.repeat(32), parentSpanId: 'b'.repeat(16) });
      expect(spans.some(({ name }) => name.includes('/metrics'))).toBe(false);
      expect(collector.resources()[0]).toMatchObject({
        'service.name': { stringValue: 'mission-engine' },
        'mission_engine.installation': { stringValue: installation },
      });

      const { text, lines } = await logOf(at);
      expect(lines.map((line) => line['msg'])).toEqual(
        expect.arrayContaining(['the engine is up', 'the engine has stopped']),
      );
      expect(lines.filter((line) => line['requestId'] === 'req-1')).toEqual([
        expect.objectContaining({
          level: 'info',
          msg: 'request',
          method: 'GET',
          route: '/v1/missions/:id',
          status: 200,
          caller: 'admin',
          tenant: 'default',
          trace_id: 'a'.repeat(32),
        }),
      ]);
      expect(lines).toContainEqual(
        expect.objectContaining({ route: '/v1/missions/:id', status: 401, caller: null }),
      );
      for (const hidden of [token, secret, 'hush']) {
        expect(text).not.toContain(hidden);
        expect(collector.text()).not.toContain(hidden);
      }
    },
  );

  it('ends within seconds though its collector never answers', async () => {
    const silent = await startCollector({ silent: true });
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', silent.url);
    // Without a limit of its own the engine would wait for as long as the exporter does, and the test with it.
    vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '600000');
    const log = createLog({ level: 'silent' });
    const engine = await startRealEngine({ 'README.md': 'hi\n' }, undefined, { log });
    await call(engine, '/v1/missions');
    await engine.engine.stop();
    expect(silent.posts()).toBeGreaterThan(0);
  });

  it('keeps its metrics to those who operate it, where others can ask', async () => {
    const engine = await startRealEngine({ 'README.md': 'hi\n' }, undefined, { listen: '0.0.0.0' });
    const { url, token } = engine;
    const operator = await engine.api.createToken({ name: 'prometheus', scopes: ['fleet:operate'] });
    const reader = await engine.api.createToken({ name: 'reader', scopes: ['missions:read'] });
    expect((await call({ url }, '/metrics')).status).toBe(401);
    expect((await call({ url, token: reader }, '/metrics')).status).toBe(403);
    expect((await call({ url, token }, '/metrics')).status).toBe(200);
    const answer = await call({ url, token: operator }, '/metrics');
    expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(await answer.text()).toContain('# TYPE mission_engine_missions gauge');
  });
});
