import { createMiddleware } from 'hono/factory';
import { mayDo, type Scope } from '../schema/contracts/scopes.ts';
import type { Queries } from '../schema/db/database.ts';
import { findCaller, type Caller } from '../schema/db/tokens.ts';
import { Problem } from './problem.ts';

export interface ApiEnv {
  Variables: { caller: Caller; requestId: string };
}

/** Every call needs a bearer token; the routes say which scope. */
export function authenticate(queries: Queries) {
  return createMiddleware<ApiEnv>(async (context, next) => {
    const [scheme, secret] = (context.req.header('authorization') ?? '').split(' ');
    const caller =
      scheme?.toLowerCase() === 'bearer' && secret ? await findCaller(queries, secret) : undefined;
    if (!caller) {
      context.header('www-authenticate', 'Bearer');
      throw new Problem(
        'unauthorized',
        'send Authorization: Bearer TOKEN; the data directory has the first one',
      );
    }
    context.set('caller', caller);
    await next();
  });
}

export function requireScope(scope: Scope) {
  return createMiddleware<ApiEnv>(async (context, next) => {
    const { name, scopes } = context.get('caller');
    if (!mayDo(scopes, scope)) throw new Problem('forbidden', `the token ${name} lacks the scope ${scope}`);
    await next();
  });
}
