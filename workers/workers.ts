import { join } from 'node:path';
import { Worker, type NativeConnection } from '@temporalio/worker';
import { controlQueue, hostQueue, slotsQueue } from '../schema/contracts/names.ts';
import type { HostActivities, RecordActivities } from '../workflows/ports.ts';
import { programsFolder, type ControlActivities } from './activities.ts';
import { sessionInterceptor } from './session-interceptor.ts';
import { workerTracing, type Tracing } from './tracing.ts';

/** Ctrl-C should take seconds: runs go on without us, and short activities are done by then. */
const shutdownGraceTime = '2s';
const shutdownForceTime = '8s';

/** Short steps and waits for CI cost little. */
const maxConcurrentActivityTaskExecutions = 200;

/** How long a killed worker's next workflow task waits for it; the default of 10 s is what a restart would take. */
const stickyQueueScheduleToStartTimeout = '3s';

interface WorkerDeps {
  connection: NativeConnection;
  namespace: string;
  installation: string;
  tracing?: Tracing | undefined;
  /** Hears of each session that is watched from now on, and no more. */
  sessionWatched?: Parameters<typeof sessionInterceptor>[0];
}

/** Runs workflows and their writes to the read model. `bundle` is the path of the built workflows. */
export async function createControlWorker(
  deps: WorkerDeps & { activities: ControlActivities; bundle?: string },
): Promise<Worker> {
  const { bundle = join(programsFolder(), 'workflow-bundle.js') } = deps;
  return Worker.create({
    ...common(deps),
    taskQueue: controlQueue(deps.installation),
    workflowBundle: { codePath: bundle },
    activities: { ...deps.activities },
  });
}

/** What needs this machine: its clones and, with the local forge, its repositories. */
type OnHost = HostActivities & Omit<ControlActivities, keyof RecordActivities | 'requestMerge'>;

/**
 * Two workers for what needs this machine. Sessions, checks and reviews wait for one of its slots, the most urgent
 * mission's first; everything else is short.
 */
export async function createHostWorkers(
  deps: WorkerDeps & { host: string; slots: number; activities: OnHost },
): Promise<Worker[]> {
  const activities = { ...deps.activities };
  return Promise.all([
    Worker.create({ ...common(deps), taskQueue: hostQueue(deps), activities }),
    Worker.create({
      ...common(deps),
      taskQueue: slotsQueue(deps),
      maxConcurrentActivityTaskExecutions: deps.slots,
      activities,
    }),
  ]);
}

function common(deps: WorkerDeps) {
  const { connection, namespace, sessionWatched = () => undefined } = deps;
  const tracing = workerTracing(deps.tracing);
  const activity = [...(tracing.interceptors?.activity ?? []), sessionInterceptor(sessionWatched)];
  return {
    connection,
    namespace,
    shutdownGraceTime,
    shutdownForceTime,
    maxConcurrentActivityTaskExecutions,
    stickyQueueScheduleToStartTimeout,
    ...tracing,
    interceptors: { ...tracing.interceptors, activity },
  };
}
