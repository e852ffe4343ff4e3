/**
 * OpenTelemetry interceptors: they put a header on every call, so that a trace goes from the API to the activity. They
 * are there only when spans are exported. See docs/adr/0005 and 0013.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { hostname } from 'node:os';
import {
  context,
  diag,
  DiagLogLevel,
  propagation,
  ROOT_CONTEXT,
  trace,
  type Context,
  type ContextManager,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { envDetectorSync, Resource } from '@opentelemetry/resources';
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  NoopSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import type { ClientInterceptors } from '@temporalio/client';
import {
  makeWorkflowExporter,
  OpenTelemetryActivityInboundInterceptor,
  OpenTelemetryActivityOutboundInterceptor,
  OpenTelemetryWorkflowClientInterceptor,
} from '@temporalio/interceptors-opentelemetry';
import type { ActivityInterceptorsFactory, WorkerOptions } from '@temporalio/worker';
import type { Log } from './log.ts';
import { createScrub, type Scrub } from '../activities/scrub.ts';

/** Where the spans of workflows go: their sandbox has no network. Those of API and activities go by the global tracer. */
export interface Tracing {
  processor: SpanProcessor;
  resource: Resource;
  /** Sends what is left, for at most `flushMs`. */
  stop(): Promise<void>;
}

/** A collector that does not answer must not hold up the engine's end. */
const flushMs = 3_000;

const serviceName = 'mission-engine';

const noTracing: Tracing = {
  processor: new NoopSpanProcessor(),
  resource: new Resource({ 'service.name': serviceName }),
  stop: () => Promise.resolve(),
};

/**
 * Starts to export spans if the environment names a collector by OpenTelemetry's own variables, which the exporter
 * reads for itself. Sets the process's tracer, so there is one at a time.
 */
export function startTracing(of: { installation: string; log: Log }): Tracing {
  const { env } = process;
  const endpoint = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] ?? env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (!endpoint || env['OTEL_SDK_DISABLED'] === 'true' || env['OTEL_TRACES_EXPORTER'] === 'none') {
    return noTracing;
  }
  const { log } = of;
  const ours = {
    'service.name': serviceName,
    'service.instance.id': `${hostname()}/${process.pid}`,
    'host.name': hostname(),
    'mission_engine.installation': of.installation,
  };
  const resource = new Resource({ ...ours, ...envDetectorSync.detect().attributes });
  const processor = new BatchSpanProcessor(scrubbed(new OTLPTraceExporter(), createScrub(env)));
  const provider = new BasicTracerProvider({ resource, spanProcessors: [processor] });
  diag.setLogger(diagnostics(log), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  context.setGlobalContextManager(new AsyncContextManager());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  log.info('traces are exported', { endpoint });
  return { processor, resource, stop };

  async function stop(): Promise<void> {
    const late = await timesOut(provider.shutdown(), flushMs);
    if (late) log.warn('the last spans were not taken by the collector', { endpoint });
    trace.disable();
    propagation.disable();
    context.disable();
    diag.disable();
  }
}

export function clientTracing(tracing: Tracing): ClientInterceptors {
  if (tracing === noTracing) return {};
  return { workflow: [new OpenTelemetryWorkflowClientInterceptor()] };
}

/** The workflows' own interceptors are in their bundle: see `workflows/tracing.ts`. Their spans arrive in the sink. */
export function workerTracing(tracing: Tracing = noTracing): Pick<WorkerOptions, 'interceptors' | 'sinks'> {
  const sinks = { exporter: makeWorkflowExporter(tracing.processor, tracing.resource) };
  if (tracing === noTracing) return { sinks };
  const activity: ActivityInterceptorsFactory = (context) => ({
    inbound: new OpenTelemetryActivityInboundInterceptor(context),
    outbound: new OpenTelemetryActivityOutboundInterceptor(context),
  });
  return { interceptors: { activity: [activity] }, sinks };
}

/** Spans tell what was called and how it ended. They are changed here in place: nobody else reads an ended span. */
function scrubbed(exporter: SpanExporter, scrub: Scrub): SpanExporter {
  return {
    export(spans, done) {
      for (const span of spans) scrubSpan(span, scrub);
      exporter.export(spans, done);
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}

function scrubSpan(span: ReadableSpan, scrub: Scrub): void {
  scrubAttributes(span.attributes, scrub);
  for (const event of span.events) if (event.attributes) scrubAttributes(event.attributes, scrub);
  if (span.status.message !== undefined) span.status.message = scrub(span.status.message);
}

/** The SDK puts all it knows of a workflow on its spans: memo, parents and functions are of no use there. */
function scrubAttributes(attributes: ReadableSpan['attributes'], scrub: Scrub): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'string') attributes[name] = scrub(value);
    else if (typeof value !== 'number' && typeof value !== 'boolean')
      Reflect.deleteProperty(attributes, name);
  }
}

function diagnostics(log: Log) {
  const say = (message: string) => log.warn(`OpenTelemetry: ${message}`);
  return { error: say, warn: say, info: say, debug: say, verbose: say };
}

class AsyncContextManager implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    active: Context,
    run: F,
    self?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    return this.#storage.run(active, () => run.call(self, ...args));
  }

  bind<T>(active: Context, target: T): T {
    if (typeof target !== 'function') return target;
    return new Proxy(target, {
      apply: (run, self, args) =>
        this.#storage.run(active, (): unknown => {
          const result: unknown = Reflect.apply(run, self, args);
          return result;
        }),
    });
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.#storage.disable();
    return this;
  }
}

async function timesOut(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), ms);
  });
  try {
    // What went wrong has been told to the diagnostics.
    const ended = promise.then(
      () => false,
      () => false,
    );
    return await Promise.race([ended, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
