import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { sql } from 'drizzle-orm';
import { z } from 'zod';
import type { ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { json } from './route-parts.ts';

const health = createRoute({
  method: 'get',
  path: '/healthz',
  summary: 'Whether the API answers',
  responses: { 200: json(z.object({ status: z.literal('ok') }), 'It does') },
});

const Readiness = z.object({
  ready: z.boolean(),
  /** `ok`, or in a word what is wrong. */
  checks: z.object({ database: z.string(), temporal: z.string() }),
  temporalUi: z.string().nullable(),
});

const readiness = createRoute({
  method: 'get',
  path: '/readyz',
  summary: 'Whether database and Temporal answer too',
  responses: { 200: json(Readiness, 'They do'), 503: json(Readiness, 'One of them does not') },
});

export function healthRoutes(app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void {
  app.openapi(health, (context) => context.json({ status: 'ok' as const }, 200));

  app.openapi(readiness, async (context) => {
    const checks = await check(deps);
    const ready = Object.values(checks).every((answer) => answer === 'ok');
    return context.json({ ready, checks, temporalUi: deps.temporalUi }, ready ? 200 : 503);
  });
}

async function check(deps: ApiDeps): Promise<Record<'database' | 'temporal', string>> {
  const [database, temporal] = await Promise.all([
    probe(() => deps.queries.execute(sql`select 1`)),
    probe(() => deps.client.connection.workflowService.getSystemInfo({})),
  ]);
  return { database, temporal };
}

/** A probe that hangs is a probe that failed. */
const probeMs = 5_000;

async function probe(ask: () => PromiseLike<unknown>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${probeMs} ms`), probeMs);
  });
  try {
    return await Promise.race([ask().then(() => 'ok'), timeout]);
  } catch (error) {
    return error instanceof Error ? error.name : 'failed';
  } finally {
    clearTimeout(timer);
  }
}
