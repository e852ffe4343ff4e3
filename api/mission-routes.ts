import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { streamSSE } from 'hono/streaming';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { CancelRequest, GoAheadRequest, Resolution } from '../schema/contracts/messages.ts';
import { MissionFile } from '../schema/contracts/mission-file.ts';
import { MissionKey, Name } from '../schema/contracts/names.ts';
import { GoAhead, MissionEvent, MissionView, TaskView } from '../schema/contracts/views.ts';
import { listMissions, readEvents, readMission, readTasks, type MissionRow } from '../schema/db/missions.ts';
import { requireScope, type ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { cancelMission, createMission, giveGoAhead, resolveTask } from './missions.ts';
import { Problem, ProblemBody } from './problem.ts';

const maxBodyBytes = 1024 * 1024;

/** A few aliases are of use in a mission file; a limit stops those that explode. */
const maxAliasCount = 100;

/** Proxies and browsers drop a stream that is silent for long. */
const keepAliveMs = 15_000;

const eventsPage = 500;

const MissionSummary = MissionView.extend({
  createdAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
});

const MissionPath = z.object({ id: MissionKey });
const TaskPath = z.object({ id: MissionKey, task: Name });
const IdempotencyHeader = z.object({ 'idempotency-key': z.string().min(1).max(200).optional() });

const security = [{ bearer: [] }];
const problems = {
  default: { description: 'A problem', content: { 'application/problem+json': { schema: ProblemBody } } },
};

function json<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

const create = createRoute({
  method: 'post',
  path: '/v1/missions',
  summary: 'Start a mission',
  description:
    'Takes a mission file as JSON or YAML. The same key is the same mission: started again, it is found.',
  security,
  middleware: [requireScope('missions:write'), limitBody()] as const,
  request: {
    // Not `required` here, or the framework would take every body for JSON; the document says that it is.
    body: {
      content: { 'application/json': { schema: MissionFile }, 'application/yaml': { schema: MissionFile } },
    },
  },
  responses: {
    201: json(MissionSummary, 'The mission was started'),
    200: json(MissionSummary, 'The mission had been started before, with the same file'),
    ...problems,
  },
});

const list = createRoute({
  method: 'get',
  path: '/v1/missions',
  summary: 'List missions, newest first',
  security,
  middleware: [requireScope('missions:read')] as const,
  request: {
    query: z.object({
      limit: z.coerce.number().int().min(1).max(200).default(50),
      cursor: z.string().max(500).optional(),
    }),
  },
  responses: {
    200: json(
      z.object({ missions: z.array(MissionSummary), nextCursor: z.string().nullable() }),
      'One page; ask for the next with its cursor',
    ),
    ...problems,
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
    ...problems,
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
    query: z.object({ follow: z.enum(['true', 'false']).default('true') }),
    headers: z.object({ 'last-event-id': z.coerce.number().int().min(0).optional() }),
  },
  responses: {
    200: { description: 'Events', content: { 'text/event-stream': { schema: MissionEvent } } },
    ...problems,
  },
});

const goAhead = createRoute({
  method: 'post',
  path: '/v1/missions/{id}/tasks/{task}/merge-go-ahead',
  summary: 'Give the merge go-ahead for one head',
  security,
  middleware: [requireScope('merge:approve'), limitBody()] as const,
  request: {
    params: TaskPath,
    headers: IdempotencyHeader,
    body: {
      required: true,
      content: { 'application/json': { schema: GoAheadRequest.pick({ headSha: true }) } },
    },
  },
  responses: { 200: json(GoAhead, 'The go-ahead as it was recorded'), ...problems },
});

const resolution = createRoute({
  method: 'post',
  path: '/v1/missions/{id}/tasks/{task}/resolution',
  summary: 'Answer a blocked task',
  security,
  middleware: [requireScope('missions:write'), limitBody()] as const,
  request: {
    params: TaskPath,
    headers: IdempotencyHeader,
    body: { required: true, content: { 'application/json': { schema: Resolution.omit({ by: true }) } } },
  },
  responses: { 204: { description: 'The task goes on as told' }, ...problems },
});

const cancel = createRoute({
  method: 'post',
  path: '/v1/missions/{id}/cancel',
  summary: 'Cancel a mission',
  description: 'Stops its sessions and cleans up. A merge that is under way comes to its end.',
  security,
  middleware: [requireScope('missions:write'), limitBody()] as const,
  request: {
    params: MissionPath,
    headers: IdempotencyHeader,
    body: { required: true, content: { 'application/json': { schema: CancelRequest.omit({ by: true }) } } },
  },
  responses: { 202: { description: 'The mission is being cancelled' }, ...problems },
});

export function missionRoutes(app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void {
  app.openapi(create, async (context) => {
    const file = await readMissionFile(context);
    const { row, created } = await createMission(deps, { file, caller: context.get('caller') });
    return context.json(summaryOf(row), created ? 201 : 200);
  });

  app.openapi(list, async (context) => {
    const { limit, cursor } = context.req.valid('query');
    const { tenant } = context.get('caller');
    const after = cursor === undefined ? undefined : readCursor(cursor);
    const rows = await listMissions(deps.queries, { tenant, limit: limit + 1, after });
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const nextCursor = rows.length > limit && last ? writeCursor(last) : null;
    return context.json({ missions: page.map(summaryOf), nextCursor }, 200);
  });

  app.openapi(show, async (context) => {
    const { tenant } = context.get('caller');
    const { id } = context.req.valid('param');
    const row = await requireMission(deps, { tenant, mission: id });
    const tasks = await readTasks(deps.queries, { tenant, mission: id });
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

  app.openapi(goAhead, async (context) => {
    const { id, task } = context.req.valid('param');
    const { headSha } = context.req.valid('json');
    const caller = context.get('caller');
    await requireMission(deps, { tenant: caller.tenant, mission: id });
    const idempotencyKey = context.req.valid('header')['idempotency-key'];
    return context.json(await giveGoAhead(deps, { mission: id, task, caller, headSha, idempotencyKey }), 200);
  });

  app.openapi(resolution, async (context) => {
    const { id, task } = context.req.valid('param');
    const { action, guidance } = context.req.valid('json');
    const caller = context.get('caller');
    await requireMission(deps, { tenant: caller.tenant, mission: id });
    const idempotencyKey = context.req.valid('header')['idempotency-key'];
    await resolveTask(deps, { mission: id, task, caller, action, guidance, idempotencyKey });
    return context.body(null, 204);
  });

  app.openapi(cancel, async (context) => {
    const { id } = context.req.valid('param');
    const { reason } = context.req.valid('json');
    const caller = context.get('caller');
    await requireMission(deps, { tenant: caller.tenant, mission: id });
    const idempotencyKey = context.req.valid('header')['idempotency-key'];
    await cancelMission(deps, { mission: id, caller, reason, idempotencyKey });
    return context.body(null, 202);
  });
}

function limitBody() {
  return bodyLimit({
    maxSize: maxBodyBytes,
    onError: () => {
      throw new Problem('too-large', `the body is larger than ${maxBodyBytes} bytes`);
    },
  });
}

async function readMissionFile(context: Context<ApiEnv>): Promise<MissionFile> {
  const type = (context.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  const text = await context.req.text();
  if (type === 'application/json') return MissionFile.parse(parseOr400(() => JSON.parse(text)));
  if (type === 'application/yaml' || type === 'text/yaml') {
    return MissionFile.parse(parseOr400(() => parseYaml(text, { maxAliasCount })));
  }
  throw new Problem('unsupported-type', 'send application/json or application/yaml');
}

function parseOr400(parse: () => unknown): unknown {
  try {
    return parse();
  } catch (error) {
    throw new Problem('bad-request', error instanceof Error ? error.message : 'the body can not be read');
  }
}

async function requireMission(deps: ApiDeps, of: { tenant: string; mission: string }): Promise<MissionRow> {
  const row = await readMission(deps.queries, of);
  if (!row) throw new Problem('not-found', `there is no mission ${of.mission}`);
  return row;
}

function summaryOf(row: MissionRow) {
  return {
    ...row.view,
    createdAt: row.createdAt.toISOString(),
    endedAt: row.endedAt?.toISOString() ?? null,
  };
}

const Cursor = z.tuple([z.coerce.date(), z.string()]);

function writeCursor(row: { createdAt: Date; id: string }): string {
  return Buffer.from(JSON.stringify([row.createdAt, row.id])).toString('base64url');
}

function readCursor(text: string): { createdAt: Date; id: string } {
  const decoded = parseOr400(() => JSON.parse(Buffer.from(text, 'base64url').toString('utf8')));
  const [createdAt, id] = Cursor.parse(decoded);
  return { createdAt, id };
}

function followMission(
  context: Context<ApiEnv>,
  deps: ApiDeps,
  of: { tenant: string; mission: string; after: number; follow: boolean },
): Response {
  return streamSSE(context, async (stream) => {
    let after = of.after;
    let wake: () => void = () => undefined;
    const unsubscribe = deps.events.subscribe(of, () => wake());
    stream.onAbort(() => wake());
    try {
      while (!stream.aborted) {
        // Made before we look, so that what happens in between is not slept through.
        const woken = new Promise<void>((resolve) => (wake = resolve));
        const news = await readEvents(deps.queries, { ...of, after, limit: eventsPage });
        for (const event of news) {
          await stream.writeSSE({ id: String(event.seq), event: event.type, data: JSON.stringify(event) });
          after = event.seq;
        }
        if (news.some((event) => event.type === 'mission-ended')) return;
        if (news.length === eventsPage) continue;
        if (!of.follow) return;
        // Whoever resumes after the last event would wait for ever.
        if (news.length === 0 && (await requireMission(deps, of)).endedAt !== null) return;
        if (await timesOut(woken, keepAliveMs)) await stream.write(': alive\n\n');
      }
    } finally {
      unsubscribe();
    }
  });
}

async function timesOut(promise: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), ms);
  });
  try {
    return await Promise.race([promise.then(() => false), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
