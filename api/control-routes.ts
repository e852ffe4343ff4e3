/** What people tell a mission and its tasks: each is an update of a running workflow. */
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { Amendment } from '../schema/contracts/amendment.ts';
import { AmendedPlan } from '../schema/contracts/door.ts';
import {
  CancelRequest,
  GoAheadRequest,
  PauseRequest,
  Resolution,
  ResumeRequest,
} from '../schema/contracts/messages.ts';
import { MissionKey, Name, surfaceOf } from '../schema/contracts/names.ts';
import { AnswerRequest } from '../schema/contracts/question.ts';
import { GoAhead } from '../schema/contracts/views.ts';
import type { Caller } from '../schema/db/tokens.ts';
import { refuseWithout, requireScope, type ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { IdempotencyHeader } from './idempotency.ts';
import {
  amendMission,
  answerQuestion,
  cancelMission,
  giveGoAhead,
  pauseMission,
  requireMission,
  resolveTask,
  resumeMission,
  scopeOfAnswer,
  type MissionCall,
} from './missions.ts';
import { readBody } from './request-body.ts';
import { json, mutationProblems, security } from './route-parts.ts';

const MissionPath = z.object({ id: MissionKey });
const TaskPath = z.object({ id: MissionKey, task: Name });
const responses = mutationProblems('not-found');

/** What somebody tells a mission or a task; the key makes it count once. */
function told<Params extends z.ZodObject, Body extends z.ZodType>(params: Params, schema: Body) {
  const body = { required: true, content: { 'application/json': { schema } } };
  return { params, headers: IdempotencyHeader, body };
}

const goAhead = createRoute({
  method: 'post',
  path: '/v1/missions/{id}/tasks/{task}/merge-go-ahead',
  summary: 'Give the merge go-ahead for one head',
  security,
  middleware: [requireScope('merge:approve'), readBody('json')] as const,
  request: told(TaskPath, GoAheadRequest.pick({ headSha: true }).strict()),
  responses: { 200: json(GoAhead, 'The go-ahead as it was recorded'), ...responses },
});

const resolution = createRoute({
  method: 'post',
  path: '/v1/missions/{id}/tasks/{task}/resolution',
  summary: 'Answer a blocked task',
  security,
  middleware: [requireScope('missions:write'), readBody('json')] as const,
  request: told(TaskPath, Resolution.omit({ by: true, since: true }).strict()),
  responses: { 204: { description: 'The task goes on as told' }, ...responses },
});

const answers = createRoute({
  method: 'post',
  path: '/v1/missions/{id}/tasks/{task}/answers',
  summary: 'Answer a question of an agent, or of the engine',
  description:
    'Each question of a task counts its first answer: one of the options that it names. Needs the scope `missions:write`, or `merge:approve` where the question is about a law.',
  security,
  middleware: [requireScope('missions:write', 'merge:approve'), readBody('json')] as const,
  request: told(TaskPath, AnswerRequest.omit({ by: true }).strict()),
  responses: { 204: { description: 'Whoever has asked is told' }, ...responses },
});

const cancel = createRoute({
  method: 'post',
  path: '/v1/missions/{id}/cancel',
  summary: 'Cancel a mission',
  description: 'Stops its sessions and cleans up. A merge that is under way comes to its end.',
  security,
  middleware: [requireScope('missions:write'), readBody('json')] as const,
  request: told(MissionPath, CancelRequest.omit({ by: true }).strict()),
  responses: { 202: { description: 'The mission is being cancelled' }, ...responses },
});

const pause = createRoute({
  method: 'post',
  path: '/v1/missions/{id}/pause',
  summary: 'Pause a mission',
  description: 'Tasks take no further step. What is under way comes to its end.',
  security,
  middleware: [requireScope('missions:write'), readBody('json')] as const,
  request: told(MissionPath, PauseRequest.omit({ by: true }).strict()),
  responses: { 204: { description: 'The mission is paused' }, ...responses },
});

const resume = createRoute({
  method: 'post',
  path: '/v1/missions/{id}/resume',
  summary: 'Let a paused mission go on',
  security,
  middleware: [requireScope('missions:write'), readBody('json')] as const,
  request: told(MissionPath, ResumeRequest.omit({ by: true }).strict()),
  responses: { 204: { description: 'The mission goes on' }, ...responses },
});

const amend = createRoute({
  method: 'post',
  path: '/v1/missions/{id}/amendments',
  summary: 'Change the plan of a running mission',
  description:
    'Takes an amendment as JSON or YAML: all of its changes are made or none. What has not started can be changed.',
  security,
  middleware: [requireScope('missions:write'), readBody('json', 'yaml')] as const,
  request: {
    params: MissionPath,
    headers: IdempotencyHeader,
    body: {
      required: true,
      content: { 'application/json': { schema: Amendment }, 'application/yaml': { schema: Amendment } },
    },
  },
  responses: {
    200: json(AmendedPlan, 'The plan as it stands now'),
    ...mutationProblems('not-found', 'invalid'),
  },
});

export function controlRoutes(app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void {
  app.openapi(goAhead, async (context) => {
    const { id, task } = context.req.valid('param');
    const of = await call(context.get('caller'), id, context.req.valid('header'));
    const { headSha } = context.req.valid('json');
    const via = surfaceOf(context.req.header('user-agent'));
    return context.json(await giveGoAhead(deps, { ...of, task, headSha, via }), 200);
  });

  app.openapi(resolution, async (context) => {
    const { id, task } = context.req.valid('param');
    const of = await call(context.get('caller'), id, context.req.valid('header'));
    await resolveTask(deps, { ...of, task, ...context.req.valid('json') });
    return context.body(null, 204);
  });

  app.openapi(answers, async (context) => {
    const { id, task } = context.req.valid('param');
    const answer = context.req.valid('json');
    refuseWithout(context.get('caller'), scopeOfAnswer(answer));
    const of = await call(context.get('caller'), id, context.req.valid('header'));
    await answerQuestion(deps, { ...of, task, ...answer });
    return context.body(null, 204);
  });

  app.openapi(cancel, async (context) => {
    const of = await call(context.get('caller'), context.req.valid('param').id, context.req.valid('header'));
    await cancelMission(deps, { ...of, ...context.req.valid('json') });
    return context.body(null, 202);
  });

  app.openapi(pause, async (context) => {
    const of = await call(context.get('caller'), context.req.valid('param').id, context.req.valid('header'));
    await pauseMission(deps, { ...of, ...context.req.valid('json') });
    return context.body(null, 204);
  });

  app.openapi(resume, async (context) => {
    await resumeMission(
      deps,
      await call(context.get('caller'), context.req.valid('param').id, context.req.valid('header')),
    );
    return context.body(null, 204);
  });

  app.openapi(amend, async (context) => {
    const of = await call(context.get('caller'), context.req.valid('param').id, context.req.valid('header'));
    const amendment = context.req.valid('json');
    return context.json(await amendMission(deps, { ...of, amendment }), 200);
  });

  /** What each of these calls has: a mission that is there, who calls, and the key of the call. */
  async function call(
    caller: Caller,
    mission: string,
    header: z.infer<typeof IdempotencyHeader>,
  ): Promise<MissionCall> {
    await requireMission(deps, { tenant: caller.tenant, mission });
    return { mission, caller, idempotencyKey: header['idempotency-key'] };
  }
}
