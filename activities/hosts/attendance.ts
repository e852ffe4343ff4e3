import { setTimeout as pause } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { AsyncCompletionClient } from '@temporalio/client';
import type { AttendanceActivities } from '../../workflows/ports.ts';
import type { Lease } from '../processes/lease.ts';

/** The workflow misses a host after 10 s without a beat: four times this. */
const beatMs = 2_500;

/** Well under that, so that one beat that is not answered does not cost the next. */
const beatWithinMs = 5_000;

/**
 * How long a host has had nothing to do before it says so. From a session to the check of what it delivered, and from
 * there to the push, takes workflows some milliseconds, and seconds on a machine that is loaded.
 */
const quietMs = 5_000;

/** What the process of a host is asked by the workflow that looks after it. */
export function createAttendance(deps: {
  /** Its heartbeats are answered, each of them: those of the activity's own context are not. */
  beats: Pick<AsyncCompletionClient, 'heartbeat' | 'withDeadline'>;
  lease: Lease;
  leaseSeconds: number;
  /** For how long nothing has run here, in milliseconds. */
  quietFor: () => number;
  onBeat: () => void;
  onTrouble: (error: unknown) => void;
  onLeft: () => void;
}): AttendanceActivities {
  const { lease } = deps;
  // A short lease needs more of them: it must not run out because of one that was lost.
  const everyMs = Math.min(beatMs, deps.leaseSeconds * 250);
  return { attend, isThere: () => Promise.resolve() };

  async function attend({ until }: { until: 'asked' | 'idle' | 'left' }): Promise<void> {
    const { info, cancellationSignal: signal } = Context.current();
    for (;;) {
      await beat(info.taskToken);
      if (until !== 'asked' && deps.quietFor() >= quietMs) break;
      await pause(everyMs, undefined, { signal });
    }
    if (until === 'left') deps.onLeft();
  }

  /**
   * Renews the lease from the moment that the call begins: the server counts from when it hears it. One that is not
   * answered renews nothing. Throws when the server waits for it no more, or somebody has cancelled it.
   */
  async function beat(token: Uint8Array): Promise<void> {
    const since = lease.now();
    // Otherwise the SDK's core would take the activity for stuck.
    Context.current().heartbeat();
    try {
      await deps.beats.withDeadline(Date.now() + beatWithinMs, () => deps.beats.heartbeat(token));
      await lease.renew(since);
      deps.onBeat();
    } catch (error) {
      if (isOver(error)) throw error;
      deps.onTrouble(error);
    }
  }
}

function isOver(error: unknown): boolean {
  const over = [
    'ActivityNotFoundError',
    'ActivityCancelledError',
    'ActivityPausedError',
    'ActivityResetError',
  ];
  return error instanceof Error && over.includes(error.name);
}
