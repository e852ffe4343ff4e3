import { Context } from '@temporalio/activity';
import type { PlannedRepository } from '../../schema/contracts/plan.ts';
import type { ForgeNews } from '../../schema/contracts/webhook.ts';
import { isStillWaiting, laterAgain, pollMs, stillWaiting } from '../failures.ts';
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
      const isFirst = Context.current().info.attempt === 1;
      let isIn = !isFirst && enter();
      if (!isFirst && !isIn) waitElsewhere(repository);
      // An attempt before this one has looked: those of a worker that is up again must not all look at once.
      let pace: Pace = isFirst ? 'at-once' : 'poll';
      let isWoken = false;
      try {
        for (;;) {
          const began = Date.now();
          const listening = news.listen({ repository, concerns });
          const { detach: signal } = watch;
          try {
            return await look({ pace, hurry: listening.heard, signal, read: new Set() });
          } catch (error) {
            if (!isStillWaiting(error)) throw error;
            isIn = isIn || enter();
            if (!isIn) throw laterAgain(error, delayOf(repository));
            if (isWoken) await pause({ ms: began + lookAgainMs - Date.now(), signal });
            isWoken = (await pause({ ms: interval, signal, sooner: listening.heard })) === 'sooner';
            pace = isWoken ? 'at-once' : 'poll';
          } finally {
            listening.stop();
          }
        }
      } finally {
        if (isIn) waiting -= 1;
      }
    },
  };

  /** What has no room here must not stand in line either. */
  function waitElsewhere(repository: PlannedRepository): void {
    if (budget.delayOf(repository.id) === 0) return;
    throw stillWaiting('CiPending', 'it is looked at when it is its turn', delayOf(repository));
  }

  function delayOf({ id }: PlannedRepository): number {
    return Math.max(interval, budget.delayOf(id));
  }

  function enter(): boolean {
    if (waiting >= most) return false;
    waiting += 1;
    return true;
  }
}
