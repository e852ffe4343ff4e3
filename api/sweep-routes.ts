/** Sweeps of hosts: what has been cleaned up, and one more on request. */
import { randomUUID } from 'node:crypto';
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { workflowTypes } from '../schema/contracts/messages.ts';
import { controlQueue, Name, sweepId } from '../schema/contracts/names.ts';
import { Sweep, SweepReport, SweepRequest, Sweeps, type SweepInput } from '../schema/contracts/sweep.ts';
import { requireScope, type ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { requireHost } from './host-routes.ts';
import { IdempotencyHeader } from './idempotency.ts';
import { Problem } from './problem.ts';
import { readBody } from './request-body.ts';
import { json, mutationProblems, problems, security } from './route-parts.ts';

/** Each is a call to Temporal; older ones are in its UI. */
const mostSweeps = 5;

const ask = createRoute({
  method: 'post',
  path: '/v1/sweeps',
  summary: 'Sweep a host now',
  description:
    'Ends runs that nobody owns and removes what ended tasks have left, as the hourly sweep does. With `dryRun` it ' +
    'looks, and changes nothing. Without `host` it is the host of this API.',
  security,
  middleware: [requireScope('admin'), readBody('json')] as const,
  request: {
    headers: IdempotencyHeader,
    body: { required: true, content: { 'application/json': { schema: SweepRequest } } },
  },
  responses: { 202: json(Sweep, 'The sweep has begun'), ...mutationProblems('not-found') },
});

const list = createRoute({
  method: 'get',
  path: '/v1/sweeps',
  summary: 'The newest sweeps of a host, with their reports',
  security,
  middleware: [requireScope('admin')] as const,
  request: { query: z.strictObject({ host: Name.optional() }) },
  responses: { 200: json(Sweeps, 'The newest first'), ...problems('not-found') },
});

export function sweepRoutes(app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void {
  const { client } = deps;
  const { installation, host: ownHost } = deps.engine;

  app.openapi(ask, async (context) => {
    const { host: name = ownHost, dryRun = false } = context.req.valid('json');
    const { tenant } = context.get('caller');
    const { name: host, leaseSeconds } = await requireHost(deps, { tenant, name });
    if (leaseSeconds !== null) {
      throw new Problem(
        'conflict',
        `${host} is served by \`mission host\`, which can't sweep: clean up there by hand`,
      );
    }
    const input: SweepInput = { installation, host, dryRun };
    const handle = await client.workflow.start(workflowTypes.sweep, {
      workflowId: `${sweepId(input)}-${randomUUID()}`,
      taskQueue: controlQueue(installation),
      args: [input],
    });
    const id = handle.firstExecutionRunId;
    return context.json({ id, host, state: 'running' as const, startedAt: Date.now(), report: null }, 202);
  });

  app.openapi(list, async (context) => {
    const { host: name = ownHost } = context.req.valid('query');
    const { name: host } = await requireHost(deps, { tenant: context.get('caller').tenant, name });
    const prefix = `${sweepId({ installation, host })}-`;
    const query = `WorkflowType = '${workflowTypes.sweep}' AND WorkflowId STARTS_WITH '${prefix}'`;
    const sweeps: Sweep[] = [];
    for await (const { workflowId, runId, startTime, status } of client.workflow.list({ query })) {
      if (!isSweepOf(workflowId, prefix)) continue;
      const report = status.name === 'COMPLETED' ? await readReport(workflowId, runId) : null;
      const state = status.name === 'RUNNING' ? 'running' : report === null ? 'failed' : 'done';
      sweeps.push({ id: runId, host, state, startedAt: startTime.getTime(), report });
      if (sweeps.length === mostSweeps) break;
    }
    sweeps.sort((a, b) => b.startedAt - a.startedAt);
    return context.json({ sweeps }, 200);
  });

  async function readReport(workflowId: string, runId: string): Promise<SweepReport | null> {
    const told: unknown = await client.workflow.getHandle(workflowId, runId).result();
    return SweepReport.safeParse(told).data ?? null;
  }
}

/** What follows the host's name: the time of a schedule or a UUID, and not the rest of a longer name. */
function isSweepOf(workflowId: string, prefix: string): boolean {
  const rest = workflowId.slice(prefix.length);
  return /^(?:\d{4}-\d\d-\d\dT[\d:.]+Z|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/.test(rest);
}
