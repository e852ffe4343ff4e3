import type { LaneView } from '../schema/contracts/lane.ts';
import { defaultPriority } from '../schema/contracts/mission-file.ts';
import { MergeRequest, type LaneInput } from '../schema/contracts/messages.ts';

/** Enough to know a request that is sent again by a retry, little enough to carry along for ever. */
const answeredKept = 200;

/** Who stands in the lane. While it is prepared a request can be withdrawn; once it is merging it can't. */
type Inside =
  | { kind: 'nobody' }
  | { kind: 'preparing'; request: MergeRequest; callOff: () => void }
  | { kind: 'merging'; request: MergeRequest };

/** Everything a merge lane remembers: who waits, who is inside, and who has had an answer. */
export class LaneState {
  readonly input: LaneInput;
  #inside: Inside = { kind: 'nobody' };
  /** Where the lane has brought the branch of the request inside; undefined while it is where the task left it. */
  updatedHead: string | undefined;
  /** Why the base lets nobody in; undefined while it is green, as far as anybody has looked. */
  redBase: string | undefined;
  readonly #withdrawn = new Set<string>();
  #waiting: MergeRequest[];
  #together: MergeRequest[] = [];
  /** Members of a batch that was red: one of them is to blame, so nobody else is tested with them. */
  readonly #suspects = new Set<string>();
  #answered: string[];

  constructor(input: LaneInput) {
    this.input = input;
    this.#waiting = [...(input.requests ?? [])];
    this.#answered = [...(input.answered ?? [])];
    this.redBase = input.redBase;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Those who are not inside yet: tested together, or in the order in which they asked. */
  get waiting(): readonly MergeRequest[] {
    return [...this.#together, ...this.#waiting];
  }

  /** Who is tested together. */
  get together(): readonly MergeRequest[] {
    return this.#together;
  }

  /** A malformed signal must not wedge the lane: it is ignored. So is a request that it knows already. */
  hearRequest(raw: unknown): MergeRequest | undefined {
    const request = MergeRequest.safeParse(raw);
    if (!request.success || this.#knows(request.data.id)) return undefined;
    this.#waiting.push(request.data);
    return request.data;
  }

  #knows(id: string): boolean {
    const inside = this.#inside.kind === 'nobody' ? [] : [this.#inside.request];
    return this.#answered.includes(id) || [...inside, ...this.waiting].some((request) => request.id === id);
  }

  /** The most urgent; among those who are as urgent, who asked first. */
  takeNext(): MergeRequest | undefined {
    const next = this.#peek();
    this.#waiting = this.#waiting.filter((request) => request !== next);
    return next;
  }

  #peek(): MergeRequest | undefined {
    const most = Math.min(...this.#waiting.map(priorityOf));
    return this.#waiting.find((request) => priorityOf(request) === most);
  }

  /** Whoever is next, and who may be tested together with it. */
  takeTogether(): readonly MergeRequest[] {
    const first = this.takeNext();
    const together = first ? [first] : [];
    for (let next = first && this.#peek(); first && next; next = this.#peek()) {
      const most = Math.min(...[...together, next].map(({ batch = 1 }) => batch));
      const isAlike =
        next.host === first.host && this.#suspects.has(next.id) === this.#suspects.has(first.id);
      if (together.length >= most || !isAlike) break;
      together.push(next);
      this.takeNext();
    }
    this.#together = together;
    return together;
  }

  /** The next member comes inside. */
  takeMember(): MergeRequest | undefined {
    return this.#together.shift();
  }

  /** They wait again, before all others. */
  putBack(requests: readonly MergeRequest[], of: { suspect: boolean } = { suspect: false }): void {
    const ids = requests.map(({ id }) => id);
    this.#together = this.#together.filter(({ id }) => !ids.includes(id));
    this.#waiting = [...requests, ...this.#waiting];
    if (of.suspect) for (const id of ids) this.#suspects.add(id);
  }

  prepare(request: MergeRequest, callOff: () => void): void {
    this.#inside = { kind: 'preparing', request, callOff };
  }

  merge(request: MergeRequest): void {
    this.#inside = { kind: 'merging', request };
  }

  leave(): void {
    this.#inside = { kind: 'nobody' };
    this.updatedHead = undefined;
  }

  answered(id: string): void {
    this.#withdrawn.delete(id);
    this.#suspects.delete(id);
    this.#answered = [...this.#answered, id].slice(-answeredKept);
  }

  /** Takes a request out, and says what to answer at once; undefined when its outcome is the answer. */
  withdraw(id: string): { request: MergeRequest; kind: 'withdrawn' | 'too-late' } | undefined {
    const inside = this.#inside;
    if (inside.kind !== 'nobody' && inside.request.id === id) {
      // Kept: a merge that does not come about is not tried again.
      this.#withdrawn.add(id);
      if (inside.kind !== 'preparing') return { request: inside.request, kind: 'too-late' };
      inside.callOff();
      return undefined;
    }
    const request = this.waiting.find((waiting) => waiting.id === id);
    if (!request) return undefined;
    this.#waiting = this.#waiting.filter((waiting) => waiting !== request);
    this.#together = this.#together.filter((member) => member !== request);
    this.answered(id);
    return { request, kind: 'withdrawn' };
  }

  isWithdrawn(id: string): boolean {
    return this.#withdrawn.has(id);
  }

  /** What the next run goes on with. */
  carryOver(): LaneInput {
    const { engine, repository } = this.input;
    const red = this.redBase === undefined ? {} : { redBase: this.redBase };
    return { engine, repository, requests: this.#waiting, answered: this.#answered, ...red };
  }

  get view(): LaneView {
    const inside = this.#inside.kind === 'nobody' ? [] : [this.#inside.request];
    const byPriority = this.#waiting.toSorted((one, other) => priorityOf(one) - priorityOf(other));
    return {
      inside: [...inside, ...this.#together].map(placeOf),
      waiting: byPriority.map(placeOf),
      redBase: this.redBase ?? null,
    };
  }

  describe(): string {
    const waiting = this.#waiting.map((request) => `- ${request.task} (#${request.pullRequest})`);
    return [`**${this.#describeInside()}**`, '', `${waiting.length} waiting`, ...waiting].join('\n');
  }

  #describeInside(): string {
    const inside = this.#inside;
    if (inside.kind === 'nobody' && this.#together.length > 0) {
      return `testing ${this.#together.map(({ task, pullRequest }) => `${task} (#${pullRequest})`).join(', ')} together`;
    }
    if (inside.kind === 'nobody') return 'nobody is in the lane';
    const { task, pullRequest } = inside.request;
    const who = `${task} (#${pullRequest})`;
    if (this.redBase !== undefined) {
      const when = inside.kind === 'preparing' ? 'before' : 'after';
      return `stopped ${when} ${who}: ${this.redBase}; waits for: person`;
    }
    return `${inside.kind} ${who}`;
  }
}

function placeOf({ mission, task }: MergeRequest): { mission: string; task: string } {
  return { mission, task };
}

function priorityOf({ priority = defaultPriority }: MergeRequest): number {
  return priority;
}
