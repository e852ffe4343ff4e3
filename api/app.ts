import { OpenAPIHono } from '@hono/zod-openapi';
import { requestId } from 'hono/request-id';
import type { Readiness } from '../schema/contracts/probe.ts';
import { authenticate, type ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { docsRoutes } from './docs.ts';
import { missionRoutes } from './mission-routes.ts';
import { answerProblem, Problem, problemOfZod, toProblem } from './problem.ts';
import { readModelRoutes } from './read-model-routes.ts';
import { metricsRoute, observe } from './telemetry.ts';
import { tokenRoutes } from './token-routes.ts';

/** The HTTP API. It starts and asks workflows; it does none of their work. */
export function createApp(deps: ApiDeps): OpenAPIHono<ApiEnv> {
  const app = new OpenAPIHono<ApiEnv>({
    defaultHook: (result, context) =>
      result.success ? undefined : answerProblem(context, problemOfZod(result.error)),
  });
  app.onError((error, context) => {
    const log = (cause: unknown) => deps.log(cause, { requestId: context.get('requestId') });
    return answerProblem(context, toProblem(error, log));
  });
  app.notFound((context) =>
    answerProblem(context, new Problem('not-found', `there is no ${context.req.method} ${context.req.path}`)),
  );

  app.use(requestId(), observe(deps.telemetry));
  app.get('/healthz', (context) => context.json({ status: 'ok' }));
  app.get('/readyz', async (context) => {
    const probed = await deps.probe();
    const ready = probed.every(({ state }) => state !== 'failed');
    const checks = Object.fromEntries(probed.map(({ name, state }) => [name, state]));
    const answer: Readiness = { ready, checks, temporalUi: deps.temporalUi };
    return context.json(answer, ready ? 200 : 503);
  });

  metricsRoute(app, deps);

  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' });
  app.get('/v1/openapi.json', (context) => context.json(describe(app)));
  docsRoutes(app);

  app.use('/v1/*', authenticate(deps.queries));
  missionRoutes(app, deps);
  tokenRoutes(app, deps);
  readModelRoutes(app, deps);
  return app;
}

function describe(app: OpenAPIHono<ApiEnv>) {
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Mission engine',
      version: '1',
      description: 'Durable missions for fleets of coding agents.',
    },
  });
  const body = document.paths?.['/v1/missions']?.post?.requestBody;
  if (body && !('$ref' in body)) body.required = true;
  return document;
}
