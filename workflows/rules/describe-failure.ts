import type { ActivityFailure } from '@temporalio/common';

/** The innermost cause says most: the outer ones only name the activity. */
export function describeFailure(error: ActivityFailure): string {
  const cause = error.cause?.message ?? error.message;
  return `${error.activityType}: ${cause}`;
}
