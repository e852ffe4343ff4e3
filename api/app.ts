import { OpenAPIHono } from '@hono/zod-openapi';
import { sql } from 'drizzle-orm';
import { authenticate, type ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { docsRoutes } from './docs.ts';
import { missionRoutes } from './mission-routes.ts';
import { answerProblem, Problem, problemOfZod, toProblem } from './problem.ts';
import { readModelRoutes } from './read-model-routes.ts';
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

  app.get('/healthz', (context) => context.json({ status: 'ok' }));
  app.get('/readyz', async (context) => {
    const checks = await readiness(deps);
    const ready = Object.values(checks).every((check) => check === 'ok');
    return context.json({ ready, checks, temporalUi: deps.temporalUi }, ready ? 200 : 503);
  });

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

async function readiness(deps: ApiDeps): Promise<Record<'database' | 'temporal', string>> {
  const [database, temporal] = await Promise.all([
    check(() => deps.queries.execute(sql`select 1`)),
    check(() => deps.client.connection.workflowService.getSystemInfo({})),
  ]);
  return { database, temporal };
}

/** A probe that hangs is a probe that failed. */
const probeMs = 5_000;

async function check(probe: () => PromiseLike<unknown>): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${probeMs} ms`), probeMs);
  });
  try {
    return await Promise.race([probe().then(() => 'ok'), timeout]);
  } catch (error) {
    return error instanceof Error ? error.name : 'failed';
  } finally {
    clearTimeout(timer);
  }
}
