import type { SweepAction, SweepInput, SweepItem, SweepReport } from '../../schema/contracts/sweep.ts';

/** A report is for people, and is kept in a history. */
const mostItems = 200;

/** What a sweep has done so far. */
export class SweepNotes {
  readonly #of: SweepInput & { startedAt: number };
  readonly #items: SweepItem[] = [];
  readonly #doubtful = new Set<string>();
  readonly #counts: Record<SweepAction, number> = {
    ...{ ended: 0, emptied: 0, removed: 0, unreferenced: 0, packed: 0, tidied: 0, failed: 0 },
  };
  #freedBytes = 0;

  constructor(of: SweepInput & { startedAt: number }) {
    this.#of = of;
  }

  add(item: SweepItem): void {
    this.#counts[item.action] += 1;
    this.#freedBytes += item.bytes;
    if (this.#items.length < mostItems) this.#items.push(item);
  }

  doubt(task: string): void {
    this.#doubtful.add(task);
  }

  /** One thing that can't be cleaned up does not keep the rest from it. */
  async tryTo(what: string, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.add({ action: 'failed', what, why, bytes: 0 });
    }
  }

  report(more: Pick<SweepReport, 'runs' | 'disk'>): SweepReport {
    const { host, dryRun, startedAt } = this.#of;
    return {
      ...{ host, dryRun, startedAt },
      endedAt: Date.now(),
      counts: this.#counts,
      freedBytes: this.#freedBytes,
      ...more,
      doubtful: [...this.#doubtful].slice(0, mostItems),
      items: this.#items,
    };
  }
}
