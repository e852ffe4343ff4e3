import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { Readiness } from '../schema/contracts/probe.ts';
import type { ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { json } from './route-parts.ts';

const health = createRoute({
  method: 'get',
  path: '/healthz',
  summary: 'Whether the API answers',
  responses: { 200: json(z.object({ status: z.literal('ok') }), 'It does') },
});

const readiness = createRoute({
  method: 'get',
  path: '/readyz',
  summary: 'Whether what the engine stands on answers too',
  responses: { 200: json(Readiness, 'It does'), 503: json(Readiness, 'Something does not') },
});

export function healthRoutes(app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void {
  app.openapi(health, (context) => context.json({ status: 'ok' as const }, 200));

  app.openapi(readiness, async (context) => {
    const probed = await deps.probe();
    const ready = probed.every(({ state }) => state !== 'failed');
    const checks = Object.fromEntries(probed.map(({ name, state }) => [name, state]));
    return context.json({ ready, checks, temporalUi: deps.temporalUi }, ready ? 200 : 503);
  });
}
