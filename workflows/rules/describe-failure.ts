import { ActivityFailure, ApplicationFailure } from '@temporalio/common';
import type { FailureType } from '../../schema/contracts/failure-types.ts';

/** The innermost cause says most: the outer ones only name the activity. */
export function describeFailure(error: ActivityFailure): string {
  const cause = error.cause?.message ?? error.message;
  return `${error.activityType}: ${cause}`;
}

/** The words of an activity's failure of one type; undefined where it has failed for something else. */
export function failureOf(error: unknown, type: FailureType): string | undefined {
  if (!(error instanceof ActivityFailure) || !(error.cause instanceof ApplicationFailure)) return undefined;
  return error.cause.type === type ? error.cause.message : undefined;
}
