/** All that waits for a person, and one way to answer whatever it is. */
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { InboxItem, InboxKind, ItemId, readItemId, type ItemAddress } from '../schema/contracts/inbox.ts';
import { Resolution } from '../schema/contracts/messages.ts';
import { MissionKey, surfaceOf, type GoAheadSurface } from '../schema/contracts/names.ts';
import { OptionId } from '../schema/contracts/question.ts';
import type { Scope } from '../schema/contracts/scopes.ts';
import { oldestFirst, readInbox } from '../schema/db/inbox.ts';
import type { Caller } from '../schema/db/tokens.ts';
import { refuseWithout, requireScope, type ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { IdempotencyHeader } from './idempotency.ts';
import {
  answerQuestion,
  cancelMission,
  giveGoAhead,
  requireMission,
  resolveTask,
  resumeMission,
  scopeOfAnswer,
} from './missions.ts';
import { pageOf, readCursor, writeCursor } from './paging.ts';
import { Problem } from './problem.ts';
import { readBody } from './request-body.ts';
import { json, mutationProblems, problems, security } from './route-parts.ts';

const list = createRoute({
  method: 'get',
  path: '/v1/inbox',
  summary: 'List what waits for a person, oldest first',
  description:
    'Questions of agents and of the engine, heads that want a go-ahead, blocked tasks, a red base, and missions that the engine has paused. Each has the choices that there are; one without any goes on by itself when it is mended.',
  security,
  middleware: [requireScope('missions:read')] as const,
  request: {
    query: z.strictObject({
      mission: MissionKey.optional(),
      kind: InboxKind.optional(),
      limit: z.coerce.number().int().min(1).max(200).default(50),
      cursor: z.string().max(500).optional(),
    }),
  },
  responses: {
    200: json(
      z.object({ items: z.array(InboxItem), nextCursor: z.string().nullable() }),
      'One page; ask for the next with its cursor',
    ),
    ...problems(),
  },
});

const Answer = z.strictObject({
  /** One of the item's choices. */
  choice: OptionId,
  /** Of a blocked task what the next session is told; otherwise a word for the record. */
  note: z.string().max(4_000).optional(),
});

const answer = createRoute({
  method: 'post',
  path: '/v1/inbox/{item}/answer',
  summary: 'Answer what waits for a person',
  description:
    'Needs the scope `missions:write`, or `merge:approve` for a go-ahead and for a breach of a law. Whoever answers late, or second, is told what was answered, by whom and when (409).',
  security,
  middleware: [requireScope('missions:write', 'merge:approve'), readBody('json')] as const,
  request: {
    params: z.object({ item: ItemId }),
    headers: IdempotencyHeader,
    body: { required: true, content: { 'application/json': { schema: Answer } } },
  },
  responses: {
    204: { description: 'It was answered, and goes on' },
    ...mutationProblems('not-found'),
  },
});

const Cursor = z.tuple([z.number(), z.string()]);

export function inboxRoutes(app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void {
  app.openapi(list, async (context) => {
    const { mission, kind, limit, cursor } = context.req.valid('query');
    const { tenant } = context.get('caller');
    const [since, id] = cursor === undefined ? [] : readCursor(Cursor, cursor);
    const items = (await readInbox(deps.queries, { tenant, mission })).filter(
      (item) =>
        (kind === undefined || item.kind === kind) &&
        (since === undefined || id === undefined || oldestFirst(item, { since, id }) > 0),
    );
    const { page, nextCursor } = pageOf(items, limit, (last) => writeCursor([last.since, last.id]));
    return context.json({ items: page, nextCursor }, 200);
  });

  app.openapi(answer, async (context) => {
    const { item } = context.req.valid('param');
    const idempotencyKey = context.req.valid('header')['idempotency-key'];
    const via = surfaceOf(context.req.header('user-agent'));
    await answerItem({
      item,
      ...context.req.valid('json'),
      caller: context.get('caller'),
      via,
      idempotencyKey,
    });
    return context.body(null, 204);
  });

  async function answerItem(
    of: z.infer<typeof Answer> & {
      item: string;
      caller: Caller;
      via: GoAheadSurface;
      idempotencyKey: string | undefined;
    },
  ): Promise<void> {
    const { item, choice, note, caller, via, idempotencyKey } = of;
    const { tenant } = caller;
    const address = readItemId(item);
    if (!address)
      throw new Problem('not-found', `there is no item ${item}: the inbox has those that there are`);
    const { mission } = address;
    refuseWithout(caller, scopeOf(address));
    await requireMission(deps, { tenant, mission });
    const call = { mission, caller, idempotencyKey };
    switch (address.kind) {
      case 'question':
        return answerQuestion(deps, { ...call, ...address, option: choice, note });
      case 'go-ahead':
        only(['approve'], of);
        if (note !== undefined) throw new Problem('bad-request', 'note: a go-ahead keeps none');
        await giveGoAhead(deps, { ...call, ...address, via });
        return;
      case 'blocked': {
        const action = only(Resolution.shape.action.options, of);
        return resolveTask(deps, { ...call, ...address, action, guidance: note });
      }
      case 'paused': {
        const action = only(['resume', 'cancel'], of);
        const { since } = address;
        if (action === 'resume') return resumeMission(deps, { ...call, since });
        return cancelMission(deps, { ...call, since, reason: note });
      }
      case 'red-base':
        throw new Problem('conflict', `${item} has no choices: it goes on when the base is mended`);
    }
  }
}

/** To let a breach of a law through is to let it be merged. */
function scopeOf(address: ItemAddress): Scope {
  if (address.kind === 'question') return scopeOfAnswer(address);
  return address.kind === 'go-ahead' ? 'merge:approve' : 'missions:write';
}

function only<Choice extends string>(
  choices: readonly Choice[],
  { item, choice }: { item: string; choice: string },
): Choice {
  const found = choices.find((one) => one === choice);
  if (found !== undefined) return found;
  throw new Problem('conflict', `${item} can be answered with ${choices.join(', ')}`);
}
