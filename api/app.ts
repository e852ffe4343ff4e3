import { OpenAPIHono } from '@hono/zod-openapi';
import { requestId } from 'hono/request-id';
import { agentRoutes } from './agent-routes.ts';
import { auditRoutes, audited } from './audit.ts';
import { identify, requireCaller, type ApiEnv } from './auth.ts';
import { controlRoutes } from './control-routes.ts';
import type { ApiDeps } from './deps.ts';
import { docsRoutes } from './docs.ts';
import { fleetRoutes } from './fleet-routes.ts';
import { healthRoutes } from './health-routes.ts';
import { hostRoutes } from './host-routes.ts';
import { idempotent } from './idempotency.ts';
import { inboxRoutes } from './inbox-routes.ts';
import { missionRoutes } from './mission-routes.ts';
import { notifyRoutes } from './notify-routes.ts';
import { answerProblem, Problem, problemOfZod, toProblem } from './problem.ts';
import { createRateLimit } from './rate-limit.ts';
import { readModelRoutes } from './read-model-routes.ts';
import { limitBody } from './request-body.ts';
import { metricsRoute, observe } from './telemetry.ts';
import { sweepRoutes } from './sweep-routes.ts';
import { tokenRoutes } from './token-routes.ts';
import { usageRoutes } from './usage-routes.ts';
import { deliveryRoute, webhookRoutes } from './webhook-routes.ts';
import { whyRoutes } from './why-routes.ts';

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
  const limit = createRateLimit(deps);
  const identified = identify({ ...deps, limit });
  healthRoutes(app, deps);
  metricsRoute(app, deps.telemetry, [identified, requireCaller()]);
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' });
  app.get('/v1/openapi.json', (context) => context.json(describe(app)));
  docsRoutes(app);
  deliveryRoute(app, { ...deps, limit });

  app.use('/v1/*', identified, limitBody(), audited(deps), requireCaller(), idempotent(deps));
  missionRoutes(app, deps);
  whyRoutes(app, deps);
  usageRoutes(app, deps);
  fleetRoutes(app, deps);
  agentRoutes(app, deps);
  hostRoutes(app, deps);
  controlRoutes(app, deps);
  inboxRoutes(app, deps);
  tokenRoutes(app, deps);
  readModelRoutes(app, deps);
  sweepRoutes(app, deps);
  webhookRoutes(app, deps);
  notifyRoutes(app, deps);
  auditRoutes(app, deps);
  return app;
}

function describe(app: OpenAPIHono<ApiEnv>) {
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Mission engine',
      version: '1',
      description: 'Durable missions for fleets of coding agents.',
    },
  });
}
