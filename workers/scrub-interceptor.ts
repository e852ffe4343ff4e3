import type { WorkerInterceptors } from '@temporalio/worker';
import { scrubDeep, scrubError, type Scrub } from '../activities/scrub.ts';

/**
 * What an activity answers, and what it fails with, goes into a history, and from there into views and events: no secret
 * that a program has printed may be in it. One place for all activities, so that a new one can't forget it.
 */
export function scrubInterceptor(scrub: Scrub): NonNullable<WorkerInterceptors['activity']>[number] {
  return () => ({
    inbound: {
      async execute(input, next) {
        try {
          return scrubDeep(await next(input), scrub);
        } catch (error) {
          scrubError(error, scrub);
          throw error;
        }
      },
    },
  });
}
