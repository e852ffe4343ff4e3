/** Missions are started, listed, shown and followed. */
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { Warnings } from '../schema/contracts/door.ts';
import { MissionStatus } from '../schema/contracts/gates.ts';
import { MissionFile } from '../schema/contracts/mission-file.ts';
import { MissionKey } from '../schema/contracts/names.ts';
import { MissionEvent, MissionView, TaskView } from '../schema/contracts/views.ts';
import { listMissions, readTasks, type MissionSummaryRow } from '../schema/db/missions.ts';
import { requireScope, type ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { followMission } from './follow-mission.ts';
import { withLateCi } from './late-ci.ts';
import { IdempotencyHeader } from './idempotency.ts';
import { createMission, requireMission } from './missions.ts';
import { pageOf, readCursor, writeCursor } from './paging.ts';
import { readBody } from './request-body.ts';
import { json, mutationProblems, problems, security } from './route-parts.ts';

const MissionSummary = MissionView.extend({
  createdAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
});

const StartedMission = MissionSummary.extend({ warnings: Warnings });

const MissionPath = z.object({ id: MissionKey });

const create = createRoute({
  method: 'post',
  path: '/v1/missions',
  summary: 'Start a mission',
  description:
    'Takes a mission file as JSON or YAML. The same key is the same mission: started again, it is found. ' +
    'A file without a key gets one; with an `Idempotency-Key` always the same.',
  security,
  middleware: [requireScope('missions:write'), readBody('json', 'yaml')] as const,
  request: {
    headers: IdempotencyHeader,
    body: {
      required: true,
      content: { 'application/json': { schema: MissionFile }, 'application/yaml': { schema: MissionFile } },
    },
  },
  responses: {
    201: json(StartedMission, 'The mission was started'),
    200: json(StartedMission, 'The mission had been started before, with the same file'),
    ...mutationProblems('invalid'),
  },
});

/** One value of a query stands alone, several are a list. */
const Statuses = z
  .union([MissionStatus, z.array(MissionStatus)])
  .transform((given) => (typeof given === 'string' ? [given] : [...new Set(given)]))
  .openapi({ type: 'array', items: { type: 'string', enum: MissionStatus.options } });

const list = createRoute({
  method: 'get',
  path: '/v1/missions',
  summary: 'List missions, newest first',
  security,
  middleware: [requireScope('missions:read')] as const,
  request: {
    query: z.strictObject({
      status: Statuses.optional(),
      /** As missions show it: the address, or the id. */
      repository: z
        .string()
        .min(1)
        .max(1_000)
        .regex(/^[^\0]*$/, 'an address has no NUL')
        .optional(),
      /** Whether some task waits for a person. */
      needsHuman: z
        .enum(['true', 'false'])
        .transform((text) => text === 'true')
        .optional(),
      limit: z.coerce.number().int().min(1).max(200).default(50),
      cursor: z.string().max(500).optional(),
    }),
  },
  responses: {
    200: json(
      z.object({ missions: z.array(MissionSummary), nextCursor: z.string().nullable() }),
      'One page; ask for the next with its cursor',
    ),
    ...problems(),
  },
});

const show = createRoute({
  method: 'get',
  path: '/v1/missions/{id}',
  summary: 'Show a mission and its tasks',
  security,
  middleware: [requireScope('missions:read')] as const,
  request: { params: MissionPath },
  responses: {
    200: json(z.object({ mission: MissionSummary, tasks: z.array(TaskView) }), 'The mission as it stands'),
    ...problems('not-found'),
  },
});

const events = createRoute({
  method: 'get',
  path: '/v1/missions/{id}/events',
  summary: 'Follow a mission',
  description:
    'Server-sent events, in order and without gaps, from the one after `Last-Event-ID`. Ends with the mission; with `follow=false` it ends with what there is.',
  security,
  middleware: [requireScope('missions:read')] as const,
  request: {
    params: MissionPath,
    query: z.strictObject({ follow: z.enum(['true', 'false']).default('true') }),
    headers: z.object({
      // The largest number that the database counts to.
      'last-event-id': z.coerce.number().int().min(0).max(2_147_483_647).optional(),
    }),
  },
  responses: {
    200: { description: 'Events', content: { 'text/event-stream': { schema: MissionEvent } } },
    ...problems('not-found'),
  },
});

const Cursor = z.tuple([z.iso.datetime(), MissionKey]);

export function missionRoutes(app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void {
  app.openapi(create, async (context) => {
    const file = context.req.valid('json');
    const idempotencyKey = context.req.valid('header')['idempotency-key'];
    const caller = context.get('caller');
    const { row, created, warnings } = await createMission(deps, { file, caller, idempotencyKey });
    return context.json({ ...summaryOf(row), warnings }, created ? 201 : 200);
  });

  app.openapi(list, async (context) => {
    const { limit, cursor, ...filter } = context.req.valid('query');
    const { tenant } = context.get('caller');
    const [at, id] = cursor === undefined ? [] : readCursor(Cursor, cursor);
    const after = at !== undefined && id !== undefined ? { createdAt: new Date(at), id } : undefined;
    const rows = await listMissions(deps.queries, { ...filter, tenant, limit: limit + 1, after });
    const { page, nextCursor } = pageOf(rows, limit, (row) => writeCursor([row.createdAt, row.id]));
    return context.json({ missions: page.map(summaryOf), nextCursor }, 200);
  });

  app.openapi(show, async (context) => {
    const { tenant } = context.get('caller');
    const { id } = context.req.valid('param');
    const row = await requireMission(deps, { tenant, mission: id });
    const recorded = await readTasks(deps.queries, { tenant, mission: id });
    const tasks = await withLateCi(deps, { mission: row.view, tasks: recorded });
    return context.json({ mission: summaryOf(row), tasks }, 200);
  });

  app.openapi(events, async (context) => {
    const { tenant } = context.get('caller');
    const { id } = context.req.valid('param');
    const { 'last-event-id': lastEventId = 0 } = context.req.valid('header');
    await requireMission(deps, { tenant, mission: id });
    const follow = context.req.valid('query').follow === 'true';
    return followMission(context, deps, { tenant, mission: id, after: lastEventId, follow });
  });
}

function summaryOf(row: MissionSummaryRow) {
  return {
    ...row.view,
    createdAt: row.createdAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}
