import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { Name } from '../schema/contracts/names.ts';
import { Scope } from '../schema/contracts/scopes.ts';
import { createToken } from '../schema/db/tokens.ts';
import { requireScope, type ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { Problem, ProblemBody } from './problem.ts';

const create = createRoute({
  method: 'post',
  path: '/v1/tokens',
  summary: 'Make a token',
  description:
    'The token is shown once. Whoever holds `missions:write` can run programs on this machine as the engine’s user.',
  security: [{ bearer: [] }],
  middleware: [requireScope('admin')] as const,
  request: {
    body: {
      required: true,
      content: {
        'application/json': { schema: z.strictObject({ name: Name, scopes: z.array(Scope).min(1) }) },
      },
    },
  },
  responses: {
    201: {
      description: 'The token',
      content: { 'application/json': { schema: z.object({ name: Name, token: z.string() }) } },
    },
    default: { description: 'A problem', content: { 'application/problem+json': { schema: ProblemBody } } },
  },
});

export function tokenRoutes(app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void {
  app.openapi(create, async (context) => {
    const { name, scopes } = context.req.valid('json');
    const { tenant } = context.get('caller');
    const token = await createToken(deps.queries, { tenant, name, scopes });
    if (token === undefined) throw new Problem('conflict', `a token is named ${name} already`);
    return context.json({ name, token }, 201);
  });
}
