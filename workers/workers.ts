import { join } from 'node:path';
import { NativeConnection, Worker, type WorkerInterceptors } from '@temporalio/worker';
import { controlQueue, hostQueue, slotsQueue } from '../schema/contracts/names.ts';
import type {
  AttendanceActivities,
  HostActivities,
  PlaceActivities,
  RecordActivities,
} from '../workflows/ports.ts';
import type { CloneActivities, ControlActivities } from './activities.ts';
import { builtFolder } from '../schema/package-root.ts';
import type { Closers } from './closers.ts';
import { databaseFaults } from './database-faults.ts';
import type { Log } from './log.ts';
import type { InUse } from '../activities/in-use.ts';
import { createScrub, type Scrub } from '../activities/scrub.ts';
import { inUseInterceptor } from './in-use-interceptor.ts';
import { createNetworkFaults } from './network-faults.ts';
import { scrubInterceptor } from './scrub-interceptor.ts';
import { sessionInterceptor } from './session-interceptor.ts';
import { workerTracing, type Tracing } from './tracing.ts';

/** Ctrl-C should take seconds: runs go on without us, and short activities are done by then. */
const shutdownGraceTime = '2s';
const shutdownForceTime = '8s';

/** Short steps and waits for CI cost little. */
const maxConcurrentActivityTaskExecutions = 200;

/** How long a killed worker's next workflow task waits for it; the default of 10 s is what a restart would take. */
const stickyQueueScheduleToStartTimeout = '3s';

/**
 * Measured: each cached workflow takes 1.2 MB of live heap, and with what V8 has not yet collected up to 4 MB. The SDK's
 * default, worked out from the heap's limit, lets 2,300 in on a machine with 16 GB. One that is not in the cache costs
 * a replay of its history, which for a task that waits for a person does not matter.
 */
const maxCachedWorkflows = 200;

interface Telemetry {
  tracing?: Tracing | undefined;
  /** Hears of each session that is watched from now on, and no more. */
  sessionWatched?: Parameters<typeof sessionInterceptor>[0];
  /** Hears of each activity. */
  interceptor?: NonNullable<WorkerInterceptors['activity']>[number];
  /** Takes secrets out of what activities answer; by default those of this process. */
  scrub?: Scrub;
  /** What of this machine is in use; by default nobody asks. */
  inUse?: InUse;
}

interface WorkerDeps extends Telemetry {
  connection: NativeConnection;
  namespace: string;
  installation: string;
}

/**
 * Runs what a process serves until it is closed: always the control queue, and a host's if it is one.
 * `done` rejects when a worker has failed.
 */
export async function runWorkers(
  of: Telemetry & {
    address: string;
    namespace: string;
    installation: string;
    host: string | undefined;
    /** How many programs that host runs at once. */
    slots: number;
    activities: { control: ControlActivities; host: HostActivities };
    log: Log;
    closers: Closers;
  },
): Promise<{ done: Promise<void> }> {
  const { host, slots, activities, log, closers, tracing, sessionWatched, scrub, inUse } = of;
  const connection = await NativeConnection.connect({ address: of.address });
  closers.add(() => connection.close());
  const telemetry = {
    tracing,
    ...(sessionWatched ? { sessionWatched } : {}),
    ...(scrub ? { scrub } : {}),
    ...(inUse ? { inUse } : {}),
  };
  const deps = { connection, namespace: of.namespace, installation: of.installation, ...telemetry };
  const onHost = { ...activities.control, ...activities.host };
  const [control, hostWorkers] = await Promise.all([
    createControlWorker({ ...deps, activities: activities.control }),
    host === undefined ? [] : createHostWorkers({ ...deps, host, slots, activities: onHost }),
  ]);
  return runUntilClosed({ workers: [control, ...hostWorkers], log, closers });
}

/** `done` rejects when a worker has failed. */
export function runUntilClosed(of: { workers: Worker[]; log: Log; closers: Closers }): {
  done: Promise<void>;
} {
  const { workers, log, closers } = of;
  const done = Promise.all(workers.map((worker) => worker.run())).then(() => undefined);
  // Whoever stops us hears of a failure from `stop`; until then `done` is the process's own.
  done.catch((error: unknown) => log.error('a worker has failed', error));
  closers.add(async () => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
    await done.catch(() => undefined);
  });
  return { done };
}

/** Runs workflows and their writes to the read model. `bundle` is the path of the built workflows. */
export async function createControlWorker(
  deps: WorkerDeps & { activities: ControlActivities; bundle?: string },
): Promise<Worker> {
  const { bundle = join(builtFolder(), 'workflow-bundle.js') } = deps;
  return Worker.create({
    ...common(deps),
    taskQueue: controlQueue(deps.installation),
    workflowBundle: { codePath: bundle },
    maxCachedWorkflows,
    activities: { ...deps.activities },
  });
}

/** What needs this machine: its clones and, with the local forge, its repositories. Or its clones alone. */
type OnHost =
  | (HostActivities &
      Omit<ControlActivities, keyof RecordActivities | keyof PlaceActivities | 'requestMerge' | 'isOpen'>)
  | (CloneActivities & AttendanceActivities);

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
  const { connection, namespace, sessionWatched = () => undefined, scrub = createScrub(process.env) } = deps;
  const tracing = workerTracing(deps.tracing);
  const activity = [
    scrubInterceptor(scrub),
    ...(deps.inUse ? [inUseInterceptor(deps.inUse)] : []),
    ...(tracing.interceptors?.activity ?? []),
    createNetworkFaults(),
    databaseFaults,
    sessionInterceptor(sessionWatched),
    ...(deps.interceptor ? [deps.interceptor] : []),
  ];
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
