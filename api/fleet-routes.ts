/** The agents of the engine's machine as a whole: looked at, started and stopped. */
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { createMiddleware } from 'hono/factory';
import { z } from 'zod';
import { Done, FleetAction, FleetRequest, FleetVerification, FleetView } from '../schema/contracts/fleet.ts';
import { requireScope, type ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { IdempotencyHeader } from './idempotency.ts';
import { Problem } from './problem.ts';
import { readBody } from './request-body.ts';
import { json, mutationProblems, problems, security } from './route-parts.ts';

const ps = createRoute({
  method: 'get',
  path: '/v1/fleet/ps',
  summary: 'Show the agents of this machine, and the sessions of missions on it',
  description: 'Joins the roster, tmux, processes, heartbeats and systemd.',
  security,
  middleware: [requireScope('fleet:read')] as const,
  request: {
    query: z.strictObject({
      /** Whether also the sessions that have ended or are lost. */
      ended: z
        .enum(['true', 'false'])
        .default('false')
        .transform((text) => text === 'true'),
    }),
  },
  responses: { 200: json(FleetView, 'The fleet as it is now'), ...problems('conflict') },
});

const verify = createRoute({
  method: 'get',
  path: '/v1/fleet/verify',
  summary: 'Read the roster, and look for the programs and folders that it needs',
  description:
    'Asks each program for its version, which takes up to 20 seconds. Tells no value of the roster.',
  security,
  middleware: [requireScope('fleet:read')] as const,
  responses: { 200: json(FleetVerification, 'What was found'), ...problems('conflict') },
});

const summaries: Record<FleetAction, string> = {
  start: 'Start agents in the fleet’s tmux',
  stop: 'Stop agents, with everything they have started',
  restart: 'Stop agents and start them afresh',
};

function acting<Action extends FleetAction>(action: Action) {
  return createRoute({
    method: 'post',
    path: `/v1/fleet/${action}`,
    summary: summaries[action],
    description:
      'One that fails does not keep the others from it. It answers when all are done: about a second for each.',
    security,
    middleware: [requireScope('fleet:operate'), readBody('json')] as const,
    request: {
      headers: IdempotencyHeader,
      body: { required: true, content: { 'application/json': { schema: FleetRequest } } },
    },
    responses: {
      200: json(z.object({ agents: z.array(Done) }), 'What was done with each'),
      ...mutationProblems('not-found'),
    },
  });
}

export function fleetRoutes(app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void {
  const { fleet } = deps;
  app.use('/v1/fleet/*', ofThisTenant(deps));

  app.openapi(ps, async (context) => context.json(await fleet.ps(context.req.valid('query')), 200));

  app.openapi(verify, async (context) => context.json(await fleet.verify(), 200));

  for (const action of FleetAction.options) {
    app.openapi(acting(action), async (context) => {
      const agents = await fleet.act({ action, ...context.req.valid('json') });
      return context.json({ agents }, 200);
    });
  }
}

/** A machine's agents are its engine's tenant's: who comes from another one sees none of them. */
export function ofThisTenant({ engine }: Pick<ApiDeps, 'engine'>) {
  return createMiddleware<ApiEnv>(async (context, next) => {
    const { name, tenant } = context.get('caller');
    if (tenant !== engine.tenant) {
      throw new Problem('forbidden', `the token ${name} is of another tenant than this machine’s agents`);
    }
    await next();
  });
}
