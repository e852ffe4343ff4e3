import type { NewEvent } from '../schema/contracts/views.ts';

/** What a workflow has to tell the read model, with a place in order: older news never overwrites newer. */
export class News {
  #events: NewEvent[] = [];
  #taken: number;
  readonly #now: () => number;

  /** `taken`: how often an earlier run of the same workflow has told. */
  constructor(now: () => number, taken = 0) {
    this.#now = now;
    this.#taken = taken;
  }

  get taken(): number {
    return this.#taken;
  }

  tell(type: NewEvent['type'], message: string): void {
    this.#events.push({ at: this.#now(), type, message });
  }

  /** What has not been taken yet. */
  take(): { seq: number; events: NewEvent[] } {
    const events = this.#events;
    this.#events = [];
    this.#taken += 1;
    return { seq: this.#taken, events };
  }
}
