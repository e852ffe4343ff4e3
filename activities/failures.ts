import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { FailureType } from '../schema/contracts/failure-types.ts';

/** A failure that doing it again cannot mend. */
export function refused(message: string, details?: unknown): ApplicationFailure {
  return failure({ type: 'Refused', message, nonRetryable: true, details });
}

/** A failure that may pass: Temporal tries again. */
export function unavailable(message: string, cause?: unknown): ApplicationFailure {
  return failure({ type: 'Unavailable', message, nonRetryable: false, cause });
}

/** The effect may or may not have happened, and looking did not tell. It is looked at again, never done blindly. */
export function outcomeUnknown(message: string): ApplicationFailure {
  return failure({ type: 'OutcomeUnknown', message, nonRetryable: false });
}

/** A wait that goes on, told as a failure so that the server does the polling. Benign: it is no error in logs. */
export function stillWaiting(type: 'CiPending' | 'BaseNotReady', message: string): ApplicationFailure {
  return ApplicationFailure.create({ type, message, category: ApplicationFailureCategory.BENIGN });
}

function failure(of: {
  type: FailureType;
  message: string;
  nonRetryable: boolean;
  details?: unknown;
  cause?: unknown;
}): ApplicationFailure {
  const { type, message, nonRetryable, details, cause } = of;
  return ApplicationFailure.create({
    type,
    message,
    nonRetryable,
    ...(details === undefined ? {} : { details: [details] }),
    ...(cause instanceof Error ? { cause } : {}),
  });
}
