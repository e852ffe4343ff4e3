import { setTimeout } from 'node:timers/promises';
import type { Notifier } from '../activities/notify/notifier.ts';
import type { Closers } from './closers.ts';
import type { Log } from './log.ts';

/** A person who is asked does not feel it; a look that finds nothing is one read of an index. */
const lookEveryMs = 1_000;

/** What is given up is a week old: an hour is soon enough. */
const pruneEveryMs = 60 * 60 * 1_000;

/**
 * Tells the outside what there is to tell, one round after another, until the engine ends. Where nobody is named it only
 * drops what is too old.
 */
export function keepNotifying(of: {
  notifier: Notifier;
  /** Ends calls that are under way, too. */
  ending: AbortController;
  log: Pick<Log, 'error'>;
  closers: Closers;
}): void {
  const { notifier, ending, log, closers } = of;
  let prunedAt = 0;
  let failedLast = false;
  const running = run();
  closers.add(async () => {
    ending.abort();
    await running;
  });

  async function run(): Promise<void> {
    const { signal } = ending;
    while (!signal.aborted) {
      const drained = await round();
      if (drained === 0) await setTimeout(lookEveryMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** A database that is away is told of once, and looked for again. */
  async function round(): Promise<number> {
    try {
      if (Date.now() - prunedAt >= pruneEveryMs) {
        await notifier.prune();
        prunedAt = Date.now();
      }
      const drained = await notifier.drain();
      failedLast = false;
      return drained;
    } catch (error) {
      if (!failedLast) log.error('nobody outside is told', error);
      failedLast = true;
      return 0;
    }
  }
}
