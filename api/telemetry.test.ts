import { OpenAPIHono } from '@hono/zod-openapi';
import { requestId } from 'hono/request-id';
import { describe, expect, it } from 'vitest';
import type { ApiEnv } from './auth.ts';
import { observe, type AnsweredRequest } from './telemetry.ts';

function observedApp() {
  const answered: AnsweredRequest[] = [];
  const app = new OpenAPIHono<ApiEnv>();
  const metrics = { contentType: 'text/plain', text: () => Promise.resolve('') };
  app.onError((_, context) => context.text('failed', 500));
  app.use(
    requestId(),
    observe({ metrics, metricsOpen: true, requestAnswered: (request) => answered.push(request) }),
  );
  app.use('/v1/*', async (context, next) => {
    context.set('caller', { tenant: 't1', token: 'hash', name: 'lead', scopes: [] });
    await next();
  });
  app.get('/v1/missions/:id', (context) => context.text('here'));
  app.get('/v1/fails', () => {
    throw new Error('boom');
  });
  return { app, answered };
}

describe('what the API tells of a request', () => {
  it('is its route and caller, and nothing of its path, query or headers', async () => {
    const { app, answered } = observedApp();
    const headers = { authorization: 'Bearer hush', 'x-request-id': 'req-1' };
    const response = await app.request('/v1/missions/hush?token=hush', { headers });
    expect(response.headers.get('x-request-id')).toBe('req-1');
    expect(answered).toMatchObject([
      {
        requestId: 'req-1',
        method: 'GET',
        route: '/v1/missions/:id',
        status: 200,
        caller: 'lead',
        tenant: 't1',
      },
    ]);
    expect(JSON.stringify(answered)).not.toContain('hush');
  });

  it('has a route for what is there only', async () => {
    const { app, answered } = observedApp();
    await app.request('/v1/anything');
    await app.request('/else');
    expect(answered.map(({ route, status, caller }) => ({ route, status, caller }))).toEqual([
      { route: 'none', status: 404, caller: 'lead' },
      { route: 'none', status: 404, caller: null },
    ]);
  });

  it('includes a failure, under an id of our own where the caller’s is none', async () => {
    const { app, answered } = observedApp();
    const response = await app.request('/v1/fails', { headers: { 'x-request-id': 'a b\tc' } });
    const id = response.headers.get('x-request-id');
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(answered).toMatchObject([{ requestId: id, route: '/v1/fails', status: 500 }]);
  });
});
