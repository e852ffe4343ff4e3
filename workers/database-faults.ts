import type { ActivityInterceptors } from '@temporalio/worker';
import { unavailable } from '../activities/failures.ts';
import { whyUnavailable } from '../schema/db/unavailable.ts';

/**
 * A database that can't be had is no bug of an activity: it is told as what it is, and tried again. The driver's own
 * error would also put the statement, with its values, into the history.
 */
export function databaseFaults(): ActivityInterceptors {
  return {
    inbound: {
      async execute(input, next) {
        try {
          return await next(input);
        } catch (error) {
          const reason = whyUnavailable(error);
          throw reason === undefined ? error : unavailable(`the database can not be had: ${reason}`);
        }
      },
    },
  };
}
