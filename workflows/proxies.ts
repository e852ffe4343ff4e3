/** How the activities are called: each timeout and retry with its reason. */
import {
  ActivityCancellationType,
  CancellationScope,
  isCancellation,
  patched,
  proxyActivities,
  proxyLocalActivities,
  type ActivityInterfaceFor,
} from '@temporalio/workflow';
import type { Duration } from '@temporalio/common';
import type { EngineFacts } from '../schema/contracts/messages.ts';
import { hostQueue } from '../schema/contracts/names.ts';
import type {
  AttendanceActivities,
  CiActivities,
  ForgeActivities,
  HostActivities,
  HostRecords,
  MergeActivities,
  MilestoneActivities,
  PlaceActivities,
  RecordActivities,
  SweepActivities,
} from './ports.ts';

type HostRuns = Pick<
  HostActivities,
  'runSession' | 'verifyDelivery' | 'verifyMilestone' | 'review' | 'judgeDisputes'
>;
type HostSteps = Pick<HostActivities, 'pushBranch' | 'answerQuestion' | 'cleanUp'>;
type HostWaits = Pick<HostActivities, 'awaitRoom'>;

interface CallOptions {
  /** How long a worker may take to begin it; without it, for ever. */
  scheduleToStartTimeout?: Duration;
}

export interface Callable<Input, Output> {
  executeWithOptions(options: CallOptions & { summary: string }, args: [Input]): Promise<Output>;
}

/** Calls an activity with a line that the Temporal UI shows beside it. */
export function call<Input, Output>(
  activity: Callable<Input, Output>,
  summary: string,
  input: Input,
  options: CallOptions = {},
): Promise<Output> {
  return activity.executeWithOptions({ summary, ...options }, [input]);
}

/**
 * The same for what must be told. A step that ends after its cancellation has news still, and what is called in a scope
 * that is cancelled is not called at all: so it is called again. Told twice, it counts once.
 */
export async function callToItsEnd<Input, Output>(
  ...of: Parameters<typeof call<Input, Output>>
): Promise<Output> {
  const scope = CancellationScope.current();
  try {
    // In older histories a scope that is not cancellable passes the cancellation on to those within.
    const mayBeCancelled = scope.cancellable && !scope.consideredCancelled;
    return await (mayBeCancelled ? callThrough(scope, ...of) : call(...of));
  } catch (error) {
    if (isCancellation(error) && patched('told-to-its-end')) {
      await CancellationScope.nonCancellable(() => call(...of));
    }
    throw error;
  }
}

/**
 * A local activity has its end before its workflow hears of that: when it is cancelled between the two, the SDK's core
 * fails the workflow task, and each attempt after it. So it is never cancelled, which older histories did.
 */
function callThrough<Input, Output>(
  scope: CancellationScope,
  ...of: Parameters<typeof call<Input, Output>>
): Promise<Output> {
  return CancellationScope.nonCancellable(async () => {
    const calling = new CancellationScope();
    let isOver = false;
    scope.cancelRequested.catch(() => {
      if (!isOver && !patched('not-cancelled-while-told')) calling.cancel();
    });
    try {
      return await calling.run(() => call(...of));
    } finally {
      isOver = true;
    }
  });
}

/**
 * A worker that is killed is missed after this long, and its runs are adopted by the next attempt. Measured: with
 * 30 s that takes 26 s, with 5 s it takes 4 s.
 */
const heartbeatTimeout = '5s';

/** After a crash the next attempt should adopt at once; a machine that is down for long is asked seldom. */
const adoptAgain = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' } as const;

/** A network that fails is asked four times more, after 2, 4, 8 and 16 s. What lasts longer is for a person. */
export const networkRetry = { initialInterval: '2s', backoffCoefficient: 2, maximumAttempts: 5 } as const;

/** Writes to the read model must come through in the end: nothing else depends on how long that takes. */
export const record = proxyLocalActivities<RecordActivities>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
});

export const hostRecords = proxyLocalActivities<HostRecords>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
});

/** One look at who works where; asked again it answers the same. */
export const places = proxyLocalActivities<Pick<PlaceActivities, 'placeSession' | 'stateOfHost'>>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
});

/** A seat is free when somebody's session ends, which may take a day. */
export const { awaitPlace } = proxyActivities<Pick<PlaceActivities, 'awaitPlace'>>({
  startToCloseTimeout: '24h',
  heartbeatTimeout,
  retry: adoptAgain,
  // A place that was given in the last moment is told of, or it would be nobody's.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});

/** Single calls to the Temporal server. The one that wakes the lane is idempotent by the request's id. */
export const { requestMerge, isOpen } = proxyLocalActivities<
  Pick<MergeActivities, 'requestMerge' | 'isOpen'>
>({
  startToCloseTimeout: '10s',
  retry: { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: '10s' },
});

type Merges = Pick<MergeActivities, 'updateBranch' | 'openBatch' | 'openRevert' | 'findRevert'>;
type Merge = Pick<MergeActivities, 'merge'>;

/** What is done on a repository's forge and its CI. */
export interface ForgeSide {
  forge: ActivityInterfaceFor<ForgeActivities>;
  milestones: ActivityInterfaceFor<MilestoneActivities>;
  ci: ActivityInterfaceFor<CiActivities>;
  merges: ActivityInterfaceFor<Merges>;
  merge: ActivityInterfaceFor<Merge>['merge'];
}

/** The forge `local` and its CI live on one host's disk, so that is where their effects are done. */
export function forgeSide(of: { engine: EngineFacts; host?: string | undefined }): ForgeSide {
  const { engine, host = engine.host } = of;
  const taskQueue = hostQueue({ installation: engine.installation, host });
  return {
    forge: forge(taskQueue),
    milestones: milestones(taskQueue),
    ci: ci(taskQueue),
    merges: merges(taskQueue),
    merge: merge(taskQueue),
  };
}

/** Short calls to a forge. */
function forge(taskQueue: string): ActivityInterfaceFor<ForgeActivities> {
  return proxyActivities<ForgeActivities>({
    taskQueue,
    startToCloseTimeout: '2m',
    heartbeatTimeout,
    retry: networkRetry,
  });
}

/** An issue for each of up to thousands of tasks, some requests each. The outages are those of other calls. */
function milestones(taskQueue: string): ActivityInterfaceFor<MilestoneActivities> {
  return proxyActivities<MilestoneActivities>({
    taskQueue,
    startToCloseTimeout: '1h',
    heartbeatTimeout,
    retry: networkRetry,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
}

/** The longest that a job may run on GitHub's own runners is 6 hours: what is pending for longer is for a person. */
export const quietWithinSeconds = 6 * 3_600;

/**
 * A pipeline may take hours. While it is pending the server polls by retrying: 6 events however long. So attempts are
 * not counted here: `awaitCi` is bounded where it is done (`workers/network-faults.ts`). The queue guard is not: all who
 * wait for a base stand before the same outage, and to park one after another would mend nothing.
 */
function ci(taskQueue: string): ActivityInterfaceFor<CiActivities> {
  return proxyActivities<CiActivities>({
    taskQueue,
    startToCloseTimeout: '24h',
    heartbeatTimeout,
    retry: adoptAgain,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
}

/** The lane's work on the forge's git. What lasts longer than a short outage parks that task, and lets the next in. */
function merges(taskQueue: string): ActivityInterfaceFor<Merges> {
  return proxyActivities<Merges>({
    taskQueue,
    startToCloseTimeout: '15m',
    heartbeatTimeout,
    retry: networkRetry,
  });
}

/**
 * A merge whose answer was lost may have been done: to be looked for in twenty attempts, some minutes, costs less than
 * a person who is asked. Then the lane says so, and lets the next in; who is told to try again finds it.
 */
function merge(taskQueue: string): ActivityInterfaceFor<Merge>['merge'] {
  return proxyActivities<Merge>({
    taskQueue,
    startToCloseTimeout: '15m',
    heartbeatTimeout,
    retry: { ...adoptAgain, maximumAttempts: 20 },
  }).merge;
}

/** What runs on a host for as long as an agent needs: a session, checks, a review. It waits there for a slot. */
export function hostRuns(taskQueue: string, timeoutSeconds: number): ActivityInterfaceFor<HostRuns> {
  return proxyActivities<HostRuns>({
    taskQueue,
    // The runner ends a run that is over its time; the margin covers clone, fetch and a worker's restart.
    startToCloseTimeout: timeoutSeconds * 1_000 + 30 * 60_000,
    heartbeatTimeout,
    // A killed worker costs one attempt; twenty are a fault that a person must see. A network that fails has four of
    // them in a row (`workers/network-faults.ts`).
    retry: { ...adoptAgain, maximumAttempts: 20 },
    // A cancelled task is cleaned up only when its processes are dead.
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
}

/** Short work on a host's disk and, for a push, on the forge. */
export function hostSteps(taskQueue: string): ActivityInterfaceFor<HostSteps> {
  return proxyActivities<HostSteps>({
    taskQueue,
    startToCloseTimeout: '15m',
    heartbeatTimeout,
    retry: networkRetry,
  });
}

/** The server polls by retrying, for as long as a disk is short: 6 events however long. One look takes no time. */
export function hostWaits(taskQueue: string): ActivityInterfaceFor<HostWaits> {
  return proxyActivities<HostWaits>({
    taskQueue,
    startToCloseTimeout: '1m',
    heartbeatTimeout,
    retry: adoptAgain,
  });
}

/** How long a host may say nothing before it is silent. Its process beats every few seconds: a pause is not a death. */
const attendTimeout = '10s';

/** What the workflow of a host asks of it. */
export function hostAttendance(of: {
  installation: string;
  host: string;
}): ActivityInterfaceFor<AttendanceActivities> {
  const taskQueue = hostQueue(of);
  const { attend } = proxyActivities<Pick<AttendanceActivities, 'attend'>>({
    taskQueue,
    // There must be some end: after this the host is asked again.
    startToCloseTimeout: '365 days',
    scheduleToStartTimeout: attendTimeout,
    heartbeatTimeout: attendTimeout,
    // That it ended is what is asked for.
    retry: { maximumAttempts: 1 },
  });
  const { isThere } = proxyActivities<Pick<AttendanceActivities, 'isThere'>>({
    taskQueue,
    // It waits for the host as long as that takes. One attempt may go to a process that has died just now.
    startToCloseTimeout: '10s',
    retry: { initialInterval: '1s', backoffCoefficient: 1 },
  });
  return { attend, isThere };
}

/**
 * Goes over all that lies in a data directory; thousands of folders take minutes. What one attempt has not come to the
 * next one finds, and after three the next sweep.
 */
export function sweeps(taskQueue: string): ActivityInterfaceFor<SweepActivities> {
  return proxyActivities<SweepActivities>({
    taskQueue,
    startToCloseTimeout: '1h',
    heartbeatTimeout,
    retry: { ...adoptAgain, maximumAttempts: 3 },
  });
}
