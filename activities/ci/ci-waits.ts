import { Context } from '@temporalio/activity';
import type { PlannedRepository } from '../../schema/contracts/plan.ts';
import type { ForgeNews } from '../../schema/contracts/webhook.ts';
import { isStillWaiting, laterAgain, pollMs } from '../failures.ts';
import type { ForgeNewsHub } from '../forge/forge-news.ts';
import { pause, type Watch } from '../supervision.ts';
import type { Looking } from './looks.ts';
import type { Pace, PollBudget } from './poll-budget.ts';

/**
 * Waits that stay in the process, where a webhook reaches them. Half of what a worker runs at once
 * (`workers/workers.ts`): pushes and merges must never wait for those who wait.
 */
const mostWaiting = 100;

/** One CI may tell of forty contexts within a second; they are looked at together. */
const lookAgainMs = 1_000;

export interface CiWaits {
  /** Looks until there is an answer other than "still waiting": at once when news come, else by polling. */
  until<T>(of: {
    repository: PlannedRepository;
    concerns: (news: ForgeNews) => boolean;
    watch: Watch;
    look: (looking: Looking) => Promise<T>;
  }): Promise<T>;
}

/**
 * A wait costs no history, however long: it is one attempt of one activity. What finds no room throws, and is asked
 * again by the server.
 */
export function createCiWaits(deps: {
  news: ForgeNewsHub;
  budget: PollBudget;
  /** For tests. */
  mostWaiting?: number;
  pollMs?: number;
}): CiWaits {
  const { news, budget } = deps;
  const { mostWaiting: most = mostWaiting, pollMs: interval = pollMs } = deps;
  let waiting = 0;

  return {
    async until({ repository, concerns, watch, look }) {
      // An attempt that was made before has looked: those of a worker that is up again must not all look at once.
      let isIn = Context.current().info.attempt > 1 && enter();
      let pace: Pace = isIn ? 'poll' : 'first';
      try {
        for (;;) {
          const began = Date.now();
          const listening = news.listen({ repository, concerns });
          try {
            return await look({ pace, hurry: listening.heard, signal: watch.detach, read: new Set() });
          } catch (error) {
            if (!isStillWaiting(error)) throw error;
            isIn = isIn || enter();
            if (!isIn) throw laterAgain(error, Math.max(interval, budget.delayOf(repository.id)));
            const signal = watch.detach;
            if (pace === 'woken') await pause({ ms: began + lookAgainMs - Date.now(), signal });
            const next = await pause({ ms: interval, signal, sooner: listening.heard });
            pace = next === 'sooner' ? 'woken' : 'poll';
          } finally {
            listening.stop();
          }
        }
      } finally {
        if (isIn) waiting -= 1;
      }
    },
  };

  function enter(): boolean {
    if (waiting >= most) return false;
    waiting += 1;
    return true;
  }
}
