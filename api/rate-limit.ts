import type { Context } from 'hono';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { Problem } from './problem.ts';

/** Counts a call against a key, and throws when the minute's calls are used up. */
export type RateLimit = (context: Context, key: string) => Promise<void>;

/** Counted in memory: each process has counts of its own, and forgets them when it stops. */
export function createRateLimit(of: { requestsPerMinute: number }): RateLimit {
  const limiter = new RateLimiterMemory({ points: of.requestsPerMinute, duration: 60 });
  return async (context, key) => {
    try {
      await limiter.consume(key);
    } catch (refused) {
      if (!(refused instanceof RateLimiterRes)) throw refused;
      const seconds = Math.ceil(refused.msBeforeNext / 1000);
      context.header('retry-after', String(seconds));
      throw new Problem(
        'too-many',
        `more than ${of.requestsPerMinute} calls in a minute: try again in ${seconds} s, or follow the events instead of asking`,
      );
    }
  };
}
