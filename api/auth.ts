import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { mayDo, type Scope } from '../schema/contracts/scopes.ts';
import { findCaller, type Caller, type Found } from '../schema/db/tokens.ts';
import type { ApiDeps } from './deps.ts';
import { Problem } from './problem.ts';
import type { RateLimit } from './rate-limit.ts';

export interface ApiEnv {
  Variables: {
    requestId: string;
    /** Whose token the call has; what the audit sees before `requireCaller` refuses the others. */
    found: Found;
    /** The token itself. Never to be kept: see `secretOf`. */
    secret: string;
    caller: Caller;
    /** With an `Idempotency-Key`: what this call has of its own, the same when it is repeated. */
    salt: string | undefined;
    /** A call under the same key was begun before, and its end is not known. */
    begunBefore: boolean | undefined;
    /** The answer holds a secret: a repeated call is done again, and not answered from what was kept. */
    secretAnswer: boolean | undefined;
  };
}

/** Finds whose call it is, and counts it: on the token, or on the address of whoever has no valid one. */
export function identify(deps: Pick<ApiDeps, 'queries'> & { limit: RateLimit }) {
  return createMiddleware<ApiEnv>(async (context, next) => {
    const [scheme, token] = (context.req.header('authorization') ?? '').split(' ');
    const secret = scheme?.toLowerCase() === 'bearer' && token ? token : '';
    const found = await findCaller(deps.queries, secret);
    context.set('secret', secret);
    context.set('found', found);
    await deps.limit(
      context,
      found.kind === 'caller' ? `token ${found.caller.token}` : `address ${remoteAddress(context)}`,
    );
    await next();
  });
}

/** Every call needs a bearer token; the routes say which scope. */
export function requireCaller() {
  return createMiddleware<ApiEnv>(async (context, next) => {
    const found = context.get('found');
    if (found.kind !== 'caller') {
      context.header('www-authenticate', 'Bearer');
      throw new Problem('unauthorized', whyNot(found));
    }
    context.set('caller', found.caller);
    await next();
  });
}

function whyNot(found: Exclude<Found, { kind: 'caller' }>): string {
  switch (found.kind) {
    case 'unknown':
      return 'send Authorization: Bearer TOKEN; the data directory has the first one';
    case 'expired':
      return `the token ${found.name} expired at ${found.at.toISOString()}: ask for a new one`;
    case 'revoked':
      return `the token ${found.name} was revoked at ${found.at.toISOString()}: ask for a new one`;
  }
}

/** Any one of the scopes is enough. */
export function requireScope(...needed: [Scope, ...Scope[]]) {
  return createMiddleware<ApiEnv>(async (context, next) => {
    refuseWithout(context.get('caller'), ...needed);
    await next();
  });
}

/** For a route whose calls need different scopes. */
export function refuseWithout({ name, scopes }: Caller, ...needed: [Scope, ...Scope[]]): void {
  if (needed.some((scope) => mayDo(scopes, scope))) return;
  throw new Problem('forbidden', `the token ${name} lacks the scope ${needed[0]}`);
}

export function remoteAddress(context: Context): string {
  return getConnInfo(context).remote.address ?? 'unknown';
}
