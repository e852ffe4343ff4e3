/** Why a task may not be merged yet, and all that is needed to carry on with a mission. */
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { accepts } from 'hono/accepts';
import { z } from 'zod';
import { describeHandoff } from '../schema/contracts/handoff-text.ts';
import { Handoff, handoffOf } from '../schema/contracts/handoff.ts';
import { MissionKey, Name } from '../schema/contracts/names.ts';
import { Why, whyNot } from '../schema/contracts/why.ts';
import { requireScope, type ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { Problem } from './problem.ts';
import { json, problems, security } from './route-parts.ts';
import { readStanding } from './why.ts';

const why = createRoute({
  method: 'get',
  path: '/v1/missions/{id}/tasks/{task}/why',
  summary: 'Say why a task may not be merged yet',
  description:
    'Gate by gate, in the order of the chain: its state, what it has seen, what is missing, whose turn it is since when, and the command that would move it.',
  security,
  middleware: [requireScope('missions:read')] as const,
  request: { params: z.object({ id: MissionKey, task: Name }) },
  responses: { 200: json(Why, 'The gates of the task as they stand'), ...problems('not-found') },
});

const markdown = 'text/markdown';

const handoff = createRoute({
  method: 'get',
  path: '/v1/missions/{id}/handoff',
  summary: 'Tell all that somebody needs to carry on with a mission',
  description:
    'Where each task stands and how it came there, what waits for whom since when, and the commands to act: as JSON, or as Markdown for `Accept: text/markdown`. Bounded; what is left out is told.',
  security,
  middleware: [requireScope('missions:read')] as const,
  request: { params: z.object({ id: MissionKey }) },
  responses: {
    200: {
      description: 'The mission as it stands',
      content: { 'application/json': { schema: Handoff }, [markdown]: { schema: z.string() } },
    },
    ...problems('not-found'),
  },
});

export function whyRoutes(app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void {
  app.openapi(why, async (context) => {
    const { tenant } = context.get('caller');
    const { id: mission, task } = context.req.valid('param');
    const { tasks } = await readStanding(deps, { tenant, mission });
    const found = tasks.find(({ view }) => view.id === task);
    if (!found) throw new Problem('not-found', `there is no task ${task} in the mission ${mission}`);
    return context.json(whyNot(found.why), 200);
  });

  app.openapi(handoff, async (context) => {
    const { tenant } = context.get('caller');
    const { id: mission } = context.req.valid('param');
    const { row, tasks } = await readStanding(deps, { tenant, mission });
    const found = handoffOf({
      mission: row.view,
      titles: new Map(row.plan.milestones.map(({ id, title }) => [id, title])),
      tasks: tasks.map(({ why: of, planned }) => ({ why: of, goal: planned?.goal ?? null })),
    });
    const supports = ['application/json', markdown];
    const wanted = accepts(context, { header: 'Accept', supports, default: 'application/json' });
    if (wanted !== markdown) return context.json(found, 200);
    return context.text(describeHandoff(found), 200, { 'content-type': `${markdown}; charset=utf-8` });
  });
}
