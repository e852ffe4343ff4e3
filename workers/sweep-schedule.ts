import {
  ScheduleAlreadyRunning,
  ScheduleOverlapPolicy,
  type Client,
  type ScheduleOptions,
} from '@temporalio/client';
import { freeBytes } from '../activities/files.ts';
import { shortBytes } from '../activities/sweep/sweep-host.ts';
import { workflowTypes } from '../schema/contracts/messages.ts';
import { controlQueue, sweepId } from '../schema/contracts/names.ts';
import type { SweepInput } from '../schema/contracts/sweep.ts';
import type { Closers } from './closers.ts';
import type { Log } from './log.ts';

/** An orphan costs a slot's worth of money and work for as long; a look that finds nothing costs a second. */
const every = '1h';

/** Hosts that were started together do not sweep together. */
const jitter = '10m';

/** A disk can fill within minutes; looking at it costs nothing. */
const lookAtDiskMs = 60_000;

/** A sweep that has found nothing to free finds nothing a minute later. */
const sweepAgainMs = 15 * 60_000;

/**
 * Has the host swept every hour, and at once when its disk is short. One schedule for each host, however often it is
 * started. A server that refuses schedules is told: the engine works without, and `mission sweep` sweeps.
 */
export async function keepSwept(of: {
  client: Client;
  installation: string;
  host: string;
  folder: string;
  log: Log;
  closers: Closers;
}): Promise<void> {
  const { client, folder, log } = of;
  const scheduleId = sweepId(of);
  try {
    await ensureSchedule(of);
  } catch (error) {
    log.error('the host is not swept by itself: its schedule could not be made', error);
    return;
  }
  let sweptAt = 0;
  const timer = setInterval(() => void look().catch(() => undefined), lookAtDiskMs).unref();
  of.closers.add(() => clearInterval(timer));

  async function look(): Promise<void> {
    if ((await freeBytes(folder)) >= shortBytes || Date.now() - sweptAt < sweepAgainMs) return;
    sweptAt = Date.now();
    log.warn('the disk is short: the host is swept');
    await client.schedule.getHandle(scheduleId).trigger(ScheduleOverlapPolicy.SKIP);
  }
}

async function ensureSchedule(of: { client: Client; installation: string; host: string }): Promise<void> {
  const { client, installation, host } = of;
  const scheduleId = sweepId(of);
  const input: SweepInput = { installation, host, dryRun: false };
  const schedule = {
    spec: { intervals: [{ every }], jitter },
    // A host that was away needs one sweep, not one for each hour.
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1m' },
    action: {
      type: 'startWorkflow' as const,
      workflowType: workflowTypes.sweep,
      workflowId: scheduleId,
      taskQueue: controlQueue(installation),
      args: [input],
    },
  } satisfies Omit<ScheduleOptions, 'scheduleId'>;
  try {
    await client.schedule.create({ scheduleId, ...schedule });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    // Another version may have made it otherwise; whether somebody has paused it stays.
    await client.schedule.getHandle(scheduleId).update(({ state }) => ({ ...schedule, state }));
  }
}
