/** One agent of the engine's machine, or one session of a mission: looked at, and written to. */
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import {
  AgentOrSession,
  AgentView,
  Reset,
  RosterEntry,
  Screen,
  SendRequest,
  Sent,
  SessionView,
} from '../schema/contracts/fleet.ts';
import { requireScope, type ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { ofThisTenant } from './fleet-routes.ts';
import { IdempotencyHeader } from './idempotency.ts';
import { readBody } from './request-body.ts';
import { json, mutationProblems, problems, security } from './route-parts.ts';
import { watchScreen } from './watch-screen.ts';

const AgentPath = z.object({ agent: AgentOrSession });

const roster = createRoute({
  method: 'get',
  path: '/v1/agents',
  summary: 'List the agents that the roster names',
  security,
  middleware: [requireScope('fleet:read')] as const,
  responses: { 200: json(z.object({ agents: z.array(RosterEntry) }), 'The agents'), ...problems('conflict') },
});

const status = createRoute({
  method: 'get',
  path: '/v1/agents/{agent}',
  summary: 'Show one agent, or one session of a mission',
  security,
  middleware: [requireScope('fleet:read')] as const,
  request: { params: AgentPath },
  responses: {
    200: json(z.union([AgentView, SessionView]), 'As it is now'),
    ...problems('not-found', 'conflict'),
  },
});

const tail = createRoute({
  method: 'get',
  path: '/v1/agents/{agent}/tail',
  summary: 'Read what an agent, or a session of a mission, has written last',
  description: 'Of an agent the lines of its terminal, of a session its events in words.',
  security,
  middleware: [requireScope('fleet:read')] as const,
  request: {
    params: AgentPath,
    query: z.strictObject({ lines: z.coerce.number().int().min(1).max(2_000).default(40) }),
  },
  responses: {
    200: json(z.object({ lines: z.array(z.string()) }), 'The last lines, the oldest first'),
    ...problems('not-found', 'conflict'),
  },
});

const watch = createRoute({
  method: 'get',
  path: '/v1/agents/{agent}/watch',
  summary: 'Watch the screen of an agent, or of a session that has a terminal',
  description:
    'Server-sent events: the whole screen, each time that it has changed. Only reads: nothing can be typed, and the window keeps its size. Ends with the terminal; with `follow=false` after the first screen.',
  security,
  middleware: [requireScope('fleet:read')] as const,
  request: {
    params: AgentPath,
    query: z.strictObject({ follow: z.enum(['true', 'false']).default('true') }),
  },
  responses: {
    200: { description: 'Screens', content: { 'text/event-stream': { schema: Screen } } },
    ...problems('not-found', 'conflict'),
  },
});

const send = createRoute({
  method: 'post',
  path: '/v1/agents/{agent}/send',
  summary: 'Write a message to an agent, and send it off',
  description:
    'Pastes `[TOKEN -> AGENT] TEXT` with the name of the caller’s token, and presses Enter. Under an `Idempotency-Key` it is typed at most once: where an earlier call died on the way, the answer is `unverifiable`.',
  security,
  middleware: [requireScope('fleet:operate'), readBody('json')] as const,
  request: {
    params: AgentPath,
    headers: IdempotencyHeader,
    body: { required: true, content: { 'application/json': { schema: SendRequest } } },
  },
  responses: { 200: json(Sent, 'What was pasted, and what came of it'), ...mutationProblems('not-found') },
});

const reset = createRoute({
  method: 'post',
  path: '/v1/agents/{agent}/reset',
  summary: 'Make an agent forget its conversation, and give it its first prompt again',
  security,
  middleware: [requireScope('fleet:operate')] as const,
  request: { params: AgentPath, headers: IdempotencyHeader },
  responses: { 200: json(Reset, 'How it was done'), ...mutationProblems('not-found') },
});

export function agentRoutes(app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void {
  const { fleet } = deps;
  app.use('/v1/agents/*', ofThisTenant(deps));

  app.openapi(roster, async (context) => context.json({ agents: await fleet.roster() }, 200));

  app.openapi(status, async (context) =>
    context.json(await fleet.status(context.req.valid('param').agent), 200),
  );

  app.openapi(tail, async (context) => {
    const { agent: name } = context.req.valid('param');
    const lines = await fleet.tail({ name, ...context.req.valid('query') });
    return context.json({ lines }, 200);
  });

  app.openapi(watch, async (context) => {
    const { agent: name } = context.req.valid('param');
    // Before the stream begins: afterwards there is no way to say what is wrong.
    const first = await fleet.screen(name);
    const follow = context.req.valid('query').follow === 'true';
    return watchScreen(context, { first, look: () => fleet.screen(name), follow });
  });

  app.openapi(send, async (context) => {
    const { agent: name } = context.req.valid('param');
    const { text, verify } = context.req.valid('json');
    const source = context.get('caller').name;
    if (context.get('begunBefore')) {
      await fleet.status(name);
      return context.json(
        { message: `[${source} -> ${name}] ${text}`, delivery: 'unverifiable' as const },
        200,
      );
    }
    return context.json(await fleet.send({ name, source, text, verify }), 200);
  });

  app.openapi(reset, async (context) =>
    context.json(await fleet.reset(context.req.valid('param').agent), 200),
  );
}
