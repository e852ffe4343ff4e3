import { Runtime, type TelemetryOptions } from '@temporalio/worker';
import type { Log } from './log.ts';
import { freePort } from './temporal-server.ts';

/** Settles, once for a whole process, how Temporal's native core logs. Called before anything connects. */
export function installRuntime(log: Log): void {
  install(log, {});
}

/** Between finding a free port and taking it, somebody else may have. */
const portTries = 5;

/**
 * The same, with the core's metrics. Answers the port, on loopback only, where the core tells them in Prometheus'
 * format: its one other way, a buffer of every single update, would have to be added up here.
 */
export async function installRuntimeWithMetrics(log: Log): Promise<number> {
  for (let tries = 1; ; tries++) {
    const port = await freePort();
    try {
      install(log, {
        metrics: {
          attachServiceName: false,
          prometheus: {
            bindAddress: `127.0.0.1:${port}`,
            countersTotalSuffix: true,
            unitSuffix: true,
            useSecondsForDurations: true,
          },
        },
      });
      return port;
    } catch (error) {
      if (tries === portTries) throw error;
    }
  }
}

function install(log: Log, telemetry: Pick<TelemetryOptions, 'metrics'>): void {
  Runtime.install({
    logger: log.temporal,
    // Who stops the process is decided above the workers.
    shutdownSignals: [],
    telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} }, ...telemetry },
  });
}
