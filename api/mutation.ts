import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import { matchedRoutes } from 'hono/route';

/** A call that would change something. */
export interface Mutation {
  /** Method and route as the OpenAPI document names them, such as `POST /v1/missions/{id}/cancel`. */
  operation: string;
  path: string;
  idempotencyKey: string | undefined;
  /** SHA-256 of type and body. */
  bodyHash: string;
}

const reading = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Undefined: the call only reads, or there is no such route. */
export async function mutationOf(context: Context): Promise<Mutation | undefined> {
  const { method, path } = context.req;
  if (reading.has(method)) return undefined;
  const route = matchedRoutes(context).findLast((matched) => !matched.path.endsWith('/*'));
  if (!route) return undefined;
  const hash = createHash('sha256').update(context.req.header('content-type') ?? '');
  const body = new Uint8Array(await context.req.arrayBuffer());
  return {
    operation: `${method} ${route.path.replaceAll(/:(\w+)/g, '{$1}')}`,
    path,
    idempotencyKey: context.req.header('idempotency-key'),
    bodyHash: hash.update('\n').update(body).digest('hex'),
  };
}
