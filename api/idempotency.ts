/** One mechanism for all routes that change something: the same key and body get the same answer. */
import { createHash } from 'node:crypto';
import { createMiddleware } from 'hono/factory';
import { z } from 'zod';
import { claimKey, keepAnswer, pruneKeys, releaseKey } from '../schema/db/idempotency.ts';
import type { ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { mutationOf } from './mutation.ts';
import { Problem } from './problem.ts';

export const IdempotencyHeader = z.object({ 'idempotency-key': z.string().min(1).max(200).optional() });

/** Long enough for a client that retries over a weekend and a day off; a later call is meant as a new one. */
const keptMs = 7 * 24 * 60 * 60 * 1000;

/** Often enough that the table stays small, seldom enough that nobody feels it. */
const pruneEveryMs = 60 * 60 * 1000;

/**
 * Claims the key with the hash of the body, then lets the call be done. What was done is answered again. A call that
 * was refused has done nothing, so its key is free again. A call whose end is unknown is done again: each route does
 * the same under the same key (the update's id, the mission's key, the token's secret), or tells that its end is unknown.
 *
 * The key counts for one token, so an answer never reaches anybody who could not have asked for it.
 */
export function idempotent(deps: Pick<ApiDeps, 'queries'>) {
  const { queries } = deps;
  let prunedAt = 0;
  return createMiddleware<ApiEnv>(async (context, next) => {
    const mutation = await mutationOf(context);
    if (!mutation) return next();
    const given = IdempotencyHeader.parse(context.req.header())['idempotency-key'];
    if (given === undefined) return next();
    await prune();
    const { tenant, token } = context.get('caller');
    const { method, path } = context.req;
    const parts = JSON.stringify([tenant, token, method, path, given]);
    const hash = createHash('sha256').update(parts).digest('hex');
    const key = await claimKey(queries, { hash, tenant, bodyHash: mutation.bodyHash });
    if (key.bodyHash !== mutation.bodyHash) {
      const detail = 'this Idempotency-Key was used for the same call with another body: take a new key';
      throw new Problem('conflict', detail);
    }
    if (key.status !== null) return answer(key.status, key.body);
    context.set('salt', key.salt);
    context.set('begunBefore', key.begunBefore);
    await next();
    const { status } = context.res;
    if (status >= 500) return;
    if (status >= 400) return releaseKey(queries, { hash });
    if (context.get('secretAnswer') || isStream(context.res)) return;
    const body = (await context.res.clone().text()) || null;
    const kept = await keepAnswer(queries, { hash, status, body });
    if (kept && kept.status !== null) context.res = answer(kept.status, kept.body);
  });

  function answer(status: number, body: string | null): Response {
    return new Response(body, {
      status,
      headers: body === null ? {} : { 'content-type': 'application/json' },
    });
  }

  async function prune(): Promise<void> {
    const now = Date.now();
    if (now - prunedAt < pruneEveryMs) return;
    prunedAt = now;
    await pruneKeys(queries, { before: new Date(now - keptMs) });
  }
}

/** To keep a stream would be to hold it back until its end. Whatever streams does the same again. */
function isStream(response: Response): boolean {
  return response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
}
