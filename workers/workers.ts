import { join } from 'node:path';
import { Worker, type NativeConnection } from '@temporalio/worker';
import { controlQueue, hostQueue } from '../schema/contracts/names.ts';
import type { HostActivities } from '../workflows/ports.ts';
import { programsFolder, type ControlActivities } from './activities.ts';
import { workerTracing } from './tracing.ts';

/** Ctrl-C should take seconds: runs go on without us, and short activities are done by then. */
const shutdownGraceTime = '2s';
const shutdownForceTime = '8s';

/** Supervising a run costs little: what bounds their number is the missions' own caps. */
const maxConcurrentActivityTaskExecutions = 200;

/** How long a killed worker's next workflow task waits for it; the default of 10 s is what a restart would take. */
const stickyQueueScheduleToStartTimeout = '3s';

interface WorkerDeps {
  connection: NativeConnection;
  namespace: string;
  installation: string;
}

/** Runs workflows and the effects on forge, CI and database. */
export async function createControlWorker(
  deps: WorkerDeps & { activities: ControlActivities },
): Promise<Worker> {
  return Worker.create({
    ...common(deps),
    taskQueue: controlQueue(deps.installation),
    workflowBundle: { codePath: join(programsFolder(), 'workflow-bundle.js') },
    activities: { ...deps.activities },
  });
}

/** Runs what needs this machine: sessions, clones, checks, reviews. */
export async function createHostWorker(
  deps: WorkerDeps & { host: string; activities: HostActivities },
): Promise<Worker> {
  return Worker.create({
    ...common(deps),
    taskQueue: hostQueue(deps),
    activities: { ...deps.activities },
  });
}

function common(deps: WorkerDeps) {
  const { connection, namespace } = deps;
  return {
    connection,
    namespace,
    shutdownGraceTime,
    shutdownForceTime,
    maxConcurrentActivityTaskExecutions,
    stickyQueueScheduleToStartTimeout,
    ...workerTracing(),
  };
}
