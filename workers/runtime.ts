import { makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import type { Log } from './log.ts';

/** Settles, once for a whole process, how Temporal's native core logs. Called before anything connects. */
export function installRuntime(log: Log): void {
  Runtime.install({
    logger: log.temporal,
    // Who stops the process is decided above the workers.
    shutdownSignals: [],
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR' }), forward: {} } },
  });
}
