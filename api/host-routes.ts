/** The hosts that sessions run on. */
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { Host } from '../schema/contracts/host.ts';
import { updates, type DrainRequest } from '../schema/contracts/messages.ts';
import { hostWorkflowId, Name } from '../schema/contracts/names.ts';
import { listHosts } from '../schema/db/hosts.ts';
import { requireScope, type ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { IdempotencyHeader } from './idempotency.ts';
import { update } from './missions.ts';
import { Problem } from './problem.ts';
import { json, mutationProblems, problems, security } from './route-parts.ts';

const HostPath = z.object({ name: Name });

const list = createRoute({
  method: 'get',
  path: '/v1/hosts',
  summary: 'List hosts',
  description: 'The hosts of the engines as well as those of `mission host`, by name.',
  security,
  middleware: [requireScope('missions:read')] as const,
  request: { query: z.strictObject({}) },
  responses: { 200: json(z.object({ hosts: z.array(Host) }), 'All hosts of the tenant'), ...problems() },
});

const show = createRoute({
  method: 'get',
  path: '/v1/hosts/{name}',
  summary: 'Show a host',
  security,
  middleware: [requireScope('missions:read')] as const,
  request: { params: HostPath },
  responses: { 200: json(Host, 'The host'), ...problems('not-found') },
});

const drain = createRoute({
  method: 'post',
  path: '/v1/hosts/{name}/drain',
  summary: 'Drain a host',
  description:
    'Nothing new is placed there. When what runs has ended, its process ends too. A host that is lost has left at once.',
  security,
  middleware: [requireScope('fleet:operate')] as const,
  request: { params: HostPath, headers: IdempotencyHeader },
  responses: { 202: { description: 'The host is being drained' }, ...mutationProblems('not-found') },
});

export function hostRoutes(app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void {
  app.openapi(list, async (context) => {
    const { tenant } = context.get('caller');
    return context.json({ hosts: await listHosts(deps.queries, { tenant }) }, 200);
  });

  app.openapi(show, async (context) => {
    const { tenant } = context.get('caller');
    return context.json(await requireHost(deps, { tenant, name: context.req.valid('param').name }), 200);
  });

  app.openapi(drain, async (context) => {
    const caller = context.get('caller');
    const { name } = context.req.valid('param');
    const { leaseSeconds } = await requireHost(deps, { tenant: caller.tenant, name });
    if (leaseSeconds === null) {
      throw new Problem(
        'conflict',
        `${name} is an engine's own host: pause its missions, or stop the engine`,
      );
    }
    const arg: DrainRequest = { by: caller.name };
    await update(deps, {
      workflowId: hostWorkflowId({ installation: deps.engine.installation, host: name }),
      name: updates.drain,
      arg,
      caller,
      idempotencyKey: context.req.valid('header')['idempotency-key'],
    });
    return context.body(null, 202);
  });
}

export async function requireHost(deps: ApiDeps, of: { tenant: string; name: string }): Promise<Host> {
  const [host] = await listHosts(deps.queries, { tenant: of.tenant, names: [of.name] });
  if (!host) throw new Problem('not-found', `there is no host ${of.name}`);
  return host;
}
