import { OpenAPIHono } from '@hono/zod-openapi';
import { auditRoutes, audited } from './audit.ts';
import { identify, requireCaller, type ApiEnv } from './auth.ts';
import { controlRoutes } from './control-routes.ts';
import type { ApiDeps } from './deps.ts';
import { docsRoutes } from './docs.ts';
import { healthRoutes } from './health-routes.ts';
import { idempotent } from './idempotency.ts';
import { missionRoutes } from './mission-routes.ts';
import { answerProblem, Problem, problemOfZod, toProblem } from './problem.ts';
import { createRateLimit } from './rate-limit.ts';
import { limitBody } from './request-body.ts';
import { tokenRoutes } from './token-routes.ts';

/** The HTTP API. It starts and asks workflows; it does none of their work. */
export function createApp(deps: ApiDeps): OpenAPIHono<ApiEnv> {
  const app = new OpenAPIHono<ApiEnv>({
    defaultHook: (result, context) =>
      result.success ? undefined : answerProblem(context, problemOfZod(result.error)),
  });
  app.onError((error, context) => answerProblem(context, toProblem(error, deps.log)));
  app.notFound((context) =>
    answerProblem(context, new Problem('not-found', `there is no ${context.req.method} ${context.req.path}`)),
  );

  healthRoutes(app, deps);
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' });
  app.get('/v1/openapi.json', (context) => context.json(describe(app)));
  docsRoutes(app);

  const limit = createRateLimit(deps);
  app.use(
    '/v1/*',
    identify({ ...deps, limit }),
    limitBody(),
    audited(deps),
    requireCaller(),
    idempotent(deps),
  );
  missionRoutes(app, deps);
  controlRoutes(app, deps);
  tokenRoutes(app, deps);
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
