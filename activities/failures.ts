import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { FailureType } from '../schema/contracts/failure-types.ts';

/** A failure that doing it again cannot mend. */
export function refused(message: string): ApplicationFailure {
  return failure({ type: 'Refused', message, nonRetryable: true });
}

/** A failure that may pass: Temporal tries again, after `retryAfterMs` where that is known, unless it was `forGood`. */
export function unavailable(
  message: string,
  of: { retryAfterMs?: number; forGood?: boolean } = {},
): ApplicationFailure {
  const { retryAfterMs, forGood = false } = of;
  return failure({
    type: 'Unavailable',
    message,
    nonRetryable: forGood,
    ...(retryAfterMs === undefined ? {} : { nextRetryDelay: retryAfterMs }),
  });
}

export function isUnavailable(error: unknown): error is ApplicationFailure {
  return isFailure(error, 'Unavailable');
}

/** The effect may or may not have happened, and looking did not tell. It is looked at again, never done blindly. */
export function outcomeUnknown(message: string): ApplicationFailure {
  return failure({ type: 'OutcomeUnknown', message, nonRetryable: false });
}

export function isOutcomeUnknown(error: unknown): boolean {
  return isFailure(error, 'OutcomeUnknown');
}

/** A session can't begin yet. What it waits for is asked for by itself: whoever asked for the session is told first. */
export function diskShort(message: string): ApplicationFailure {
  return failure({ type: 'DiskShort', message, nonRetryable: true });
}

/** How often a forge is asked for what it has not told, as a webhook is faster; and a disk for its room. */
export const pollMs = 30_000;

type Waiting = 'CiPending' | 'BaseNotReady' | 'DiskShort';

/** A wait that goes on, told as a failure so that the server does the polling. Benign: it is no error in logs. */
export function stillWaiting(type: Waiting, message: string, retryAfterMs = pollMs): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    message,
    category: ApplicationFailureCategory.BENIGN,
    nextRetryDelay: retryAfterMs,
  });
}

export function isStillWaiting(error: unknown): error is ApplicationFailure {
  return isFailure(error, 'CiPending', 'BaseNotReady');
}

/** The same wait, to be asked about again after another time. */
export function laterAgain(waiting: ApplicationFailure, retryAfterMs: number): ApplicationFailure {
  const type: Waiting = waiting.type === 'BaseNotReady' ? waiting.type : 'CiPending';
  return stillWaiting(type, waiting.message, retryAfterMs);
}

/** Whether it is CI that is waited for. */
export function isCiPending(error: unknown): error is ApplicationFailure {
  return isFailure(error, 'CiPending');
}

function isFailure(error: unknown, ...types: FailureType[]): error is ApplicationFailure {
  return error instanceof ApplicationFailure && types.some((type) => type === error.type);
}

function failure(of: {
  type: FailureType;
  message: string;
  nonRetryable: boolean;
  nextRetryDelay?: number;
}): ApplicationFailure {
  return ApplicationFailure.create(of);
}
