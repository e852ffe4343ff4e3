import { createMiddleware } from 'hono/factory';
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { Name } from '../schema/contracts/names.ts';
import { completeCall, listCalls, recordCall, type AuditRow } from '../schema/db/audit.ts';
import { requireScope, type ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { mutationOf } from './mutation.ts';
import { pageOf, readCursor, writeCursor } from './paging.ts';
import { json, problems, security } from './route-parts.ts';

/** A path may be as long as the server's limit for headers; the audit keeps what tells it from others. */
const maxKept = 500;

/**
 * Leaves a row for each call that would change something, before it is done, and completes it afterwards. Stands
 * before `requireCaller`, so that a call without a valid token leaves one too. What was refused for its rate or its
 * size leaves none: that would let anybody fill the table.
 */
export function audited(deps: Pick<ApiDeps, 'queries' | 'engine' | 'log'>) {
  return createMiddleware<ApiEnv>(async (context, next) => {
    const mutation = await mutationOf(context);
    if (!mutation) return next();
    const found = context.get('found');
    const caller = found.kind === 'caller' ? found.caller : undefined;
    const id = await recordCall(deps.queries, {
      tenantId: caller?.tenant ?? deps.engine.tenant,
      caller: caller?.name ?? null,
      operation: mutation.operation,
      path: mutation.path.slice(0, maxKept),
      idempotencyKey: mutation.idempotencyKey?.slice(0, maxKept) ?? null,
      bodyHash: mutation.bodyHash,
    });
    await next();
    // The call is done, whether this can be written or not.
    await completeCall(deps.queries, { id, status: context.res.status }).catch(deps.log);
  });
}

const AuditEntry = z.object({
  id: z.int(),
  at: z.iso.datetime(),
  caller: z.string().nullable(),
  operation: z.string(),
  path: z.string(),
  idempotencyKey: z.string().nullable(),
  bodyHash: z.string(),
  status: z.int().nullable(),
});

const list = createRoute({
  method: 'get',
  path: '/v1/audit',
  summary: 'List the calls that changed something, or tried to, newest first',
  description:
    'A call without a valid token has `caller` null; a call in which the engine died has `status` null.',
  security,
  middleware: [requireScope('admin')] as const,
  request: {
    query: z.strictObject({
      caller: Name.optional(),
      limit: z.coerce.number().int().min(1).max(200).default(50),
      cursor: z.string().max(500).optional(),
    }),
  },
  responses: {
    200: json(
      z.object({ entries: z.array(AuditEntry), nextCursor: z.string().nullable() }),
      'One page; ask for the next with its cursor',
    ),
    ...problems(),
  },
});

const Cursor = z.tuple([z.int().min(0)]);

export function auditRoutes(app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void {
  app.openapi(list, async (context) => {
    const { caller, limit, cursor } = context.req.valid('query');
    const { tenant } = context.get('caller');
    const [before] = cursor === undefined ? [] : readCursor(Cursor, cursor);
    const rows = await listCalls(deps.queries, { tenant, caller, before, limit: limit + 1 });
    const { page, nextCursor } = pageOf(rows, limit, (row) => writeCursor([row.id]));
    return context.json({ entries: page.map(entryOf), nextCursor }, 200);
  });
}

function entryOf(row: AuditRow) {
  const { id, caller, operation, path, idempotencyKey, bodyHash, status } = row;
  return { id, at: row.at.toISOString(), caller, operation, path, idempotencyKey, bodyHash, status };
}
