import type { Context } from '@temporalio/activity';
import type { ActivityInterceptors } from '@temporalio/worker';
import { isUnavailable, unavailable } from '../activities/failures.ts';

/** A short outage: asked again after 2, 4, 8 and 16 s, as `networkRetry` of the workflows does it. */
const short = 4;

/**
 * A wait for CI is a question that costs nothing to ask again, and a forge that is being updated is back within the
 * hour: so many looks, half a minute apart. What is away for longer, or fails for this one commit only, is for a person:
 * nobody else in the lane comes in before that.
 */
const anHour = 120;

/** How often in a row an activity may fail to reach something. Others keep to the retries that they are called with. */
const mostFailures: ReadonlyMap<string, number> = new Map([
  ['runSession', short],
  ['verifyDelivery', short],
  ['verifyMilestone', short],
  ['review', short],
  ['awaitCi', anHour],
]);

/** As seldom as a machine that is down for long is asked. */
const longestPauseSeconds = 30;

/**
 * Temporal counts attempts, whatever has ended them: a worker that was killed, a look that was too early, a network
 * that failed. Here the last are told from the others, as long as this process lives.
 */
export function createNetworkFaults(): (of: Context) => ActivityInterceptors {
  /** Failures in a row, by run and activity. Of what is cancelled in an outage one stays, at the cost of some bytes. */
  const inRow = new Map<string, number>();
  return ({ info }) => ({
    inbound: {
      async execute(input, next) {
        const most = mostFailures.get(info.activityType);
        if (most === undefined) return next(input);
        const key = `${info.workflowExecution?.runId ?? ''}/${info.activityId}`;
        const failures = (inRow.get(key) ?? 0) + 1;
        inRow.delete(key);
        try {
          return await next(input);
        } catch (error) {
          if (!isUnavailable(error)) throw error;
          if (failures > most) throw unavailable(error.message, { forGood: true });
          inRow.set(key, failures);
          // The other side may have said when.
          if (error.nextRetryDelay != null) throw error;
          const retryAfterMs = Math.min(2 ** failures, longestPauseSeconds) * 1_000;
          throw unavailable(error.message, { retryAfterMs });
        }
      },
    },
  });
}
