import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { streamSSE } from 'hono/streaming';
import { z } from 'zod';
import { MissionKey } from '../schema/contracts/names.ts';
import { RebuildStep } from '../schema/contracts/rebuild.ts';
import { requireScope, type ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { IdempotencyHeader } from './idempotency.ts';
import { Problem } from './problem.ts';
import { findMissions, rebuild } from './rebuild.ts';
import { mutationProblems, security } from './route-parts.ts';

const rebuildRoute = createRoute({
  method: 'post',
  path: '/v1/read-model/rebuild',
  summary: 'Rebuild what people read from what Temporal has',
  description:
    'Adds what is missing and brings up to date what is old; running missions go on. Server-sent events: each mission as it is done, then the sum. Ends when the connection does; called again, it goes over everything again.',
  security,
  middleware: [requireScope('admin')] as const,
  request: { query: z.strictObject({ mission: MissionKey.optional() }), headers: IdempotencyHeader },
  responses: {
    200: { description: 'The steps', content: { 'text/event-stream': { schema: RebuildStep } } },
    ...mutationProblems('not-found'),
  },
});

export function readModelRoutes(app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void {
  app.openapi(rebuildRoute, async (context) => {
    const { tenant } = context.get('caller');
    const { mission } = context.req.valid('query');
    const missions = await findMissions(deps, { mission });
    if (mission !== undefined && missions.length === 0)
      throw new Problem('not-found', `Temporal has no mission ${mission}`);
    return streamSSE(context, async (stream) => {
      for await (const step of rebuild(deps, { tenant, missions })) {
        if (stream.aborted) return;
        await stream.writeSSE({ event: step.kind, data: JSON.stringify(step) });
      }
    });
  });
}
