/**
 * OpenTelemetry interceptors, in place since the first recorded history: they put a header on every call, so that a
 * trace goes from the API to the activity. Without an exporter the spans go nowhere. See docs/adr/0005.
 */
import type { ClientInterceptors } from '@temporalio/client';
import {
  makeWorkflowExporter,
  OpenTelemetryActivityInboundInterceptor,
  OpenTelemetryActivityOutboundInterceptor,
  OpenTelemetryWorkflowClientInterceptor,
} from '@temporalio/interceptors-opentelemetry';
import type { WorkerOptions } from '@temporalio/worker';
import { Resource } from '@opentelemetry/resources';
import { NoopSpanProcessor } from '@opentelemetry/sdk-trace-base';

export function clientTracing(): ClientInterceptors {
  return { workflow: [new OpenTelemetryWorkflowClientInterceptor()] };
}

/** The workflows' own interceptors are in their bundle; see `scripts/build.mjs`. */
export function workerTracing(): Pick<WorkerOptions, 'interceptors' | 'sinks'> {
  return {
    interceptors: {
      activity: [
        (context) => ({
          inbound: new OpenTelemetryActivityInboundInterceptor(context),
          outbound: new OpenTelemetryActivityOutboundInterceptor(context),
        }),
      ],
    },
    sinks: {
      exporter: makeWorkflowExporter(
        new NoopSpanProcessor(),
        new Resource({ 'service.name': 'mission-engine' }),
      ),
    },
  };
}
