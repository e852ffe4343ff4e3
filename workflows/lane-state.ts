import { MergeRequest, type LaneInput } from '../schema/contracts/messages.ts';

/** Enough to know a request that is sent again by a retry, little enough to carry along for ever. */
const answeredKept = 200;

/** Of who names none: the middle of the scale. */
const defaultPriority = 3;

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

  /** Those who wait, in the order in which they asked. */
  get waiting(): readonly MergeRequest[] {
    return this.#waiting;
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
    return this.#answered.includes(id) || [...inside, ...this.#waiting].some((request) => request.id === id);
  }

  /** The most urgent; among those who are as urgent, who asked first. */
  takeNext(): MergeRequest | undefined {
    const most = Math.min(...this.#waiting.map(priorityOf));
    const next = this.#waiting.find((request) => priorityOf(request) === most);
    this.#waiting = this.#waiting.filter((request) => request !== next);
    return next;
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
    const request = this.#waiting.find((waiting) => waiting.id === id);
    if (!request) return undefined;
    this.#waiting = this.#waiting.filter((waiting) => waiting !== request);
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

  describe(): string {
    const waiting = this.#waiting.map((request) => `- ${request.task} (#${request.pullRequest})`);
    return [`**${this.#describeInside()}**`, '', `${waiting.length} waiting`, ...waiting].join('\n');
  }

  #describeInside(): string {
    const inside = this.#inside;
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

function priorityOf({ priority = defaultPriority }: MergeRequest): number {
  return priority;
}
