import { Context } from '@temporalio/activity';

/** Less than the 4 s after which the SDK sends the last one that it was given: 0.8 of the heartbeat timeout of 5 s. */
const heartbeatMs = 3_000;

/** How somebody who waits for a run learns that it should let go of it. */
export interface Watch {
  /** Ends the watching. The run lives on unless `stopAsked`. */
  detach: AbortSignal;
  /** Whether the run must end too. */
  stopAsked: () => boolean;
}

/**
 * Runs a long wait within an activity, with heartbeats for as long as this process lives. Shutdown, time-out, pause
 * and reset only detach; a cancellation that was asked for stops the run.
 */
export async function asSupervisor<T>(
  wait: (watch: Watch) => Promise<T>,
  /** What a heartbeat shows of how far it is. */
  progress: () => unknown = () => undefined,
): Promise<T> {
  const context = Context.current();
  // None at once: each is a call to the server, and most activities have ended before the first is due.
  const beat = setInterval(() => context.heartbeat(progress()), heartbeatMs);
  try {
    return await wait({
      detach: context.cancellationSignal,
      stopAsked: () => context.cancellationDetails?.cancelRequested ?? false,
    });
  } finally {
    clearInterval(beat);
  }
}

/** Waits for a promise, but no longer than until the signal aborts. */
export async function untilAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Waits for a time, or for what may come sooner, and says which it was; but no longer than until the signal aborts. */
export async function pause(of: {
  ms: number;
  signal: AbortSignal;
  sooner?: Promise<void>;
}): Promise<'over' | 'sooner'> {
  const { ms, signal, sooner } = of;
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<'over'>((resolve) => {
    timer = setTimeout(() => resolve('over'), Math.max(0, ms));
  });
  try {
    const first = sooner ? Promise.race([over, sooner.then(() => 'sooner' as const)]) : over;
    return await untilAborted(signal, first);
  } finally {
    clearTimeout(timer);
  }
}
