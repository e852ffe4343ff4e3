/** Deliveries from forges, signed and not believed; and the hooks that send them. */
import { createHash } from 'node:crypto';
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import { z } from 'zod';
import { Webhook, WebhookRequest, WebhookSender } from '../schema/contracts/webhook.ts';
import { tellForgeNews } from '../schema/db/webhooks.ts';
import { remoteAddress, requireScope, type ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { IdempotencyHeader } from './idempotency.ts';
import { Problem } from './problem.ts';
import type { RateLimit } from './rate-limit.ts';
import { limitBody, readBody } from './request-body.ts';
import { json, mutationProblems, security } from './route-parts.ts';
import { readNews } from './webhook-news.ts';
import { isSigned } from './webhook-signature.ts';

const deliver = createRoute({
  method: 'post',
  path: '/v1/webhooks/{sender}',
  summary: 'Take a delivery of a webhook',
  description:
    'It has no bearer token but a signature: the HMAC-SHA256 of its body with the webhookSecret of a host in ' +
    'forges.yaml, in hex, in `X-Gitea-Signature`, or after `sha256=` in `X-Hub-Signature-256`. It only makes those look ' +
    'who wait for the commit or branch that it tells of. A delivery that came before, and one of an event that nobody ' +
    'waits for, are taken and do nothing.',
  middleware: [limitBody()] as const,
  request: { params: z.object({ sender: WebhookSender }) },
  responses: { 202: { description: 'It was taken' }, ...mutationProblems() },
});

const add = createRoute({
  method: 'post',
  path: '/v1/webhooks',
  summary: 'Have a forge send its webhooks here',
  description:
    'Finds the hook of a repository, or makes it. Where its host has no webhookSecret in forges.yaml yet, one is made ' +
    'and written there; no answer ever has it.',
  security,
  middleware: [requireScope('admin'), readBody('json')] as const,
  request: {
    headers: IdempotencyHeader,
    body: { required: true, content: { 'application/json': { schema: WebhookRequest } } },
  },
  responses: { 200: json(Webhook, 'The hook is there'), ...mutationProblems('invalid') },
});

/** Stands before what asks for bearer tokens: forges have none. */
export function deliveryRoute(app: OpenAPIHono<ApiEnv>, deps: ApiDeps & { limit: RateLimit }): void {
  app.openapi(deliver, async (context) => {
    const { sender } = context.req.valid('param');
    const body = new Uint8Array(await context.req.arrayBuffer());
    const header = (name: string) => context.req.header(name);
    if (!isSigned({ sender, header, body }, await deps.webhooks.secrets())) {
      // Only those count: a forge that is busy is let in.
      await deps.limit(context, `address ${remoteAddress(context)}`);
      throw new Problem('unauthorized', 'the signature is missing or wrong: see docs/forges.md');
    }
    const event = header('x-gitea-event') ?? header('x-github-event');
    const news = readNews({ event, payload: readJson(body) });
    if (news) {
      const { tenant } = deps.engine;
      const id = header('x-gitea-delivery') ?? header('x-github-delivery');
      await tellForgeNews(deps.queries, { tenant, delivery: deliveryId(sender, id ?? body), news });
    }
    return context.body(null, 202);
  });
}

export function webhookRoutes(app: OpenAPIHono<ApiEnv>, deps: ApiDeps): void {
  app.openapi(add, async (context) => {
    const added = await deps.webhooks.add(context.req.valid('json'));
    if (added.kind === 'refused') throw new Problem('invalid', added.reason);
    return context.json(added.webhook, 200);
  });
}

function deliveryId(sender: WebhookSender, of: string | Uint8Array): string {
  return createHash('sha256').update(`${sender}\n`).update(of).digest('hex');
}

function readJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new Problem('unsupported-type', 'a delivery must be JSON: set the content type of the webhook');
  }
}
