import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { Told } from '../schema/contracts/notify.ts';
import { requireScope, type ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { IdempotencyHeader } from './idempotency.ts';
import { json, mutationProblems, security } from './route-parts.ts';

const test = createRoute({
  method: 'post',
  path: '/v1/notify/test',
  summary: 'Tell all listeners of engine.yaml that nothing has happened',
  description: 'Each is called once, and what came of it is answered. Nothing of it is told again.',
  security,
  middleware: [requireScope('admin')] as const,
  request: { headers: IdempotencyHeader },
  responses: {
    200: json(z.object({ told: z.array(Told) }), 'What each has answered; empty where there are none'),
    ...mutationProblems(),
  },
});

export function notifyRoutes(app: OpenAPIHono<ApiEnv>, { notify }: ApiDeps): void {
  app.openapi(test, async (context) => context.json({ told: await notify.test() }, 200));
}
