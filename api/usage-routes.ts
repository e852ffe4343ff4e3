/** What agents have used: tokens, money and time. */
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { MissionKey } from '../schema/contracts/names.ts';
import { UsageBy, UsageReport } from '../schema/contracts/usage.ts';
import { readUsage } from '../schema/db/usage.ts';
import { requireScope, type ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { requireMission } from './missions.ts';
import { json, problems, security } from './route-parts.ts';

const usage = createRoute({
  method: 'get',
  path: '/v1/usage',
  summary: 'Sum up what agents have used',
  description:
    'Of sessions that have ended, as their programs told it. The rows that used most come first; the total is over ' +
    'all of them. A program that does not tell of money counts as `unpriced`. Beside the sums, how much of the rate-limit ' +
    'windows of each account is used, as last told: figures of the account itself, use outside the engine included.',
  security,
  middleware: [requireScope('missions:read')] as const,
  request: {
    query: z.strictObject({
      by: UsageBy.default('mission'),
      mission: MissionKey.optional(),
      /** Only sessions that ended then or later. */
      since: z.iso.datetime({ offset: true }).optional(),
      limit: z.coerce.number().int().min(1).max(1_000).default(200),
    }),
  },
  responses: { 200: json(UsageReport, 'The sums'), ...problems('not-found') },
});

export function usageRoutes(app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void {
  app.openapi(usage, async (context) => {
    const { tenant } = context.get('caller');
    const { by, mission, since, limit } = context.req.valid('query');
    if (mission !== undefined) await requireMission(deps, { tenant, mission });
    const from = since === undefined ? undefined : new Date(since);
    return context.json(await readUsage(deps.queries, { tenant, by, mission, since: from, limit }), 200);
  });
}
