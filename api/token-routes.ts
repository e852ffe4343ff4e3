import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { Name } from '../schema/contracts/names.ts';
import { Scope } from '../schema/contracts/scopes.ts';
import { createToken, listTokens, revokeToken, secretOf } from '../schema/db/tokens.ts';
import { requireScope, type ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { IdempotencyHeader } from './idempotency.ts';
import { Problem } from './problem.ts';
import { readBody } from './request-body.ts';
import { json, mutationProblems, problems, security } from './route-parts.ts';

const create = createRoute({
  method: 'post',
  path: '/v1/tokens',
  summary: 'Make a token',
  description:
    'The token is shown once. Whoever holds `missions:write` can run programs on this machine as the engine’s user. ' +
    'The name of a revoked token is free again; that of an expired one is not until it is revoked.',
  security,
  middleware: [requireScope('admin'), readBody('json')] as const,
  request: {
    headers: IdempotencyHeader,
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.strictObject({
            name: Name,
            scopes: z.array(Scope).min(1).max(Scope.options.length),
            /** From then on the token is refused. Without it: never. */
            expiresAt: z.iso.datetime({ offset: true }).optional(),
          }),
        },
      },
    },
  },
  responses: {
    201: json(z.object({ name: Name, token: z.string() }), 'The token'),
    ...mutationProblems('invalid'),
  },
});

const Token = z.object({
  name: Name,
  scopes: z.array(z.string()),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().nullable(),
  revokedAt: z.iso.datetime().nullable(),
  lastUsedAt: z.iso.datetime().nullable(),
});

const list = createRoute({
  method: 'get',
  path: '/v1/tokens',
  summary: 'List all tokens, newest first, the revoked ones too',
  description: '`lastUsedAt` is true to the minute.',
  security,
  middleware: [requireScope('admin')] as const,
  responses: { 200: json(z.object({ tokens: z.array(Token) }), 'The tokens'), ...problems() },
});

const revoke = createRoute({
  method: 'delete',
  path: '/v1/tokens/{name}',
  summary: 'Revoke a token',
  description: 'It is refused from now on. Nobody can revoke the token that they call with.',
  security,
  middleware: [requireScope('admin')] as const,
  request: { params: z.object({ name: Name }), headers: IdempotencyHeader },
  responses: { 204: { description: 'It is revoked' }, ...mutationProblems('not-found') },
});

export function tokenRoutes(app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void {
  app.openapi(create, async (context) => {
    const { name, scopes, expiresAt: expiry } = context.req.valid('json');
    const { tenant } = context.get('caller');
    const expiresAt = expiry === undefined ? undefined : new Date(expiry);
    if (expiresAt && expiresAt <= new Date()) {
      const message = `${expiresAt.toISOString()} is over: take a time that is to come`;
      throw new Problem('invalid', `expiresAt: ${message}`, { faults: [{ path: 'expiresAt', message }] });
    }
    const salt = context.get('salt');
    const secret = salt === undefined ? undefined : secretOf({ caller: context.get('secret'), salt });
    context.set('secretAnswer', true);
    const token = await createToken(deps.queries, { tenant, name, scopes, expiresAt, secret });
    if (token === undefined) {
      throw new Problem('conflict', `a token is named ${name} already: revoke it, or take another name`);
    }
    return context.json({ name, token }, 201);
  });

  app.openapi(list, async (context) => {
    const { tenant } = context.get('caller');
    const rows = await listTokens(deps.queries, { tenant });
    const tokens = rows.map((row) => ({
      ...row,
      createdAt: row.createdAt.toISOString(),
      expiresAt: row.expiresAt?.toISOString() ?? null,
      revokedAt: row.revokedAt?.toISOString() ?? null,
      lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    }));
    return context.json({ tokens }, 200);
  });

  app.openapi(revoke, async (context) => {
    const { name } = context.req.valid('param');
    const caller = context.get('caller');
    if (name === caller.name) {
      throw new Problem('conflict', `${name} is the token of this call: revoke it with another one`);
    }
    const revoked = await revokeToken(deps.queries, { tenant: caller.tenant, name });
    if (revoked === 'unknown') throw new Problem('not-found', `there is no token ${name}`);
    return context.body(null, 204);
  });
}
