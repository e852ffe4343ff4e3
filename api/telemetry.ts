/** What the API tells of itself: a line, a measurement and a span for each request. */
import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context, MiddlewareHandler } from 'hono';
import { createMiddleware } from 'hono/factory';
import { matchedRoutes } from 'hono/route';
import type { Caller } from '../schema/db/tokens.ts';
import { requireScope, type ApiEnv } from './auth.ts';

/** Neither query nor body: those may hold what is secret. */
export interface AnsweredRequest {
  /** The caller's own `x-request-id`, if it sent one. */
  requestId: string;
  method: string;
  /** The pattern, not the path: there are few of them. */
  route: string;
  status: number;
  /** Until the answer begins; a stream of events goes on after that. */
  ms: number;
  /** The name of the token; null without a valid one. */
  caller: string | null;
  tenant: string | null;
}

export interface ApiTelemetry {
  requestAnswered(request: AnsweredRequest): void;
  metrics: { contentType: string; text(): Promise<string> };
  /** Whether metrics need no token: only where nobody but this machine can ask. */
  metricsOpen: boolean;
}

/** What is asked all day by machines, and tells nothing of missions. */
export const probes: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

interface ObservedEnv {
  Variables: { requestId: string; caller?: Caller };
}

/** Goes around everything else, after `hono/request-id`. */
export function observe(telemetry: ApiTelemetry) {
  const tracer = trace.getTracer('mission-engine');
  return createMiddleware<ObservedEnv>(async (call, next) => {
    const started = performance.now();
    const { method } = call.req;
    const route = routeOf(call);
    if (probes.has(route)) return answer();
    const parent = propagation.extract(context.active(), call.req.header());
    const attributes = { 'http.request.method': method, 'http.route': route };
    const options = { kind: SpanKind.SERVER, attributes };
    await tracer.startActiveSpan(`${method} ${route}`, options, parent, async (span) => {
      try {
        await answer();
      } finally {
        const { status } = call.res;
        span.setAttribute('http.response.status_code', status);
        span.setAttribute('http.request.header.x-request-id', call.get('requestId'));
        if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      }
    });

    async function answer(): Promise<void> {
      await next();
      const caller = call.get('caller');
      telemetry.requestAnswered({
        requestId: call.get('requestId'),
        method,
        route,
        status: call.res.status,
        ms: Math.round((performance.now() - started) * 10) / 10,
        caller: caller?.name ?? null,
        tenant: caller?.tenant ?? null,
      });
    }
  });
}

/** A path that nobody has foreseen is none: else whoever asks could make up routes without end. */
function routeOf(call: Context<ObservedEnv>): string {
  const last = matchedRoutes(call).at(-1);
  return last === undefined || last.method === 'ALL' ? 'none' : last.path;
}

/** `authenticated` lets pass whoever has a valid token. */
export function metricsRoute(
  app: OpenAPIHono<ApiEnv>,
  { metrics, metricsOpen }: ApiTelemetry,
  authenticated: readonly MiddlewareHandler<ApiEnv>[],
): void {
  if (!metricsOpen) app.use('/metrics', ...authenticated, requireScope('fleet:read', 'fleet:operate'));
  app.get('/metrics', async (call) =>
    call.body(await metrics.text(), 200, { 'content-type': metrics.contentType }),
  );
}
