/**
 * OpenTelemetry's interceptors, for workflows that are traced. They cost a workflow a third of its work, so one that
 * nobody traces goes without: it is traced from the first call on that brings a trace with it. Only what is in the
 * history decides that, since interceptors change the order in which a workflow goes on.
 */
import { interceptors as openTelemetry } from '@temporalio/interceptors-opentelemetry/lib/workflow-interceptors.js';
import type { WorkflowInboundCallsInterceptor, WorkflowInterceptors } from '@temporalio/workflow';

const traceHeader = '_tracer-data';

export function interceptors(): WorkflowInterceptors {
  const { inbound = [], outbound = [], internals = [] } = openTelemetry();
  let isTraced = false;
  const hears: WorkflowInboundCallsInterceptor = {
    execute: (input, next) => next(heard(input)),
    handleSignal: (input, next) => next(heard(input)),
    handleUpdate: (input, next) => next(heard(input)),
  };
  return {
    inbound: [hears, ...inbound.map(whenTraced)],
    outbound: outbound.map(whenTraced),
    internals,
  };

  function heard<Input extends { headers: object }>(input: Input): Input {
    isTraced ||= traceHeader in input.headers;
    return input;
  }

  /** Each of its methods is given an input and what comes next. */
  function whenTraced<Interceptor extends object>(interceptor: Interceptor): Interceptor {
    return new Proxy(interceptor, {
      get(target, name): unknown {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return (input: unknown, next: (input: unknown) => unknown): unknown =>
          isTraced ? Reflect.apply(method, target, [input, next]) : next(input);
      },
    });
  }
}
