import type { Database } from '../schema/db/database.ts';
import { eventsChannel } from '../schema/db/projection.ts';

/** Wakes the readers of a mission's events: one subscription to the database for all of them. */
export class EventHub {
  readonly #readers = new Map<string, Set<() => void>>();
  #stop: () => Promise<void> = () => Promise.resolve();

  async start(database: Database): Promise<void> {
    this.#stop = await database.listen(eventsChannel, {
      onPayload: (key) => {
        for (const wake of this.#readers.get(key) ?? []) wake();
      },
      onGap: () => {
        for (const readers of this.#readers.values()) for (const wake of readers) wake();
      },
    });
  }

  async stop(): Promise<void> {
    await this.#stop();
  }

  subscribe(of: { tenant: string; mission: string }, wake: () => void): () => void {
    const key = `${of.tenant}/${of.mission}`;
    const readers = this.#readers.get(key) ?? new Set();
    this.#readers.set(key, readers.add(wake));
    return () => {
      readers.delete(wake);
      if (readers.size === 0) this.#readers.delete(key);
    };
  }
}
