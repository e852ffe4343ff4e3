import type { ToldEvent } from '../schema/contracts/told.ts';
import type { NewEvent } from '../schema/contracts/views.ts';

/**
 * What a workflow has to tell the read model, with a place in order: older news never overwrites newer. What was told
 * is kept, since the read model is rebuilt from it.
 */
export class News {
  #events: NewEvent[] = [];
  #taken: number;
  /** As text: the view itself goes on changing. */
  #view = 'null';
  readonly #told: ToldEvent[] = [];
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

  /** What has not been taken yet, to be told together with the view as it stands. */
  take(view: unknown): { seq: number; events: NewEvent[] } {
    const events = this.#events;
    this.#events = [];
    this.#taken += 1;
    const seq = this.#taken;
    this.#view = JSON.stringify(view);
    this.#told.push(...events.map((event, index) => ({ ...event, seq, index })));
    return { seq, events };
  }

  /** What this run has told so far. */
  get told(): { seq: number; view: unknown; events: ToldEvent[] } {
    const view: unknown = JSON.parse(this.#view);
    return { seq: this.#taken, view, events: this.#told };
  }
}
