import { MergeRequest, type LaneInput } from '../schema/contracts/messages.ts';

/** Enough to know a request that is sent again by a retry, little enough to carry along for ever. */
const answeredKept = 200;

/** Who stands in the lane. While it is prepared a request can be withdrawn; once it is merging it can't. */
type Inside =
  | { kind: 'nobody' }
  | { kind: 'preparing'; request: MergeRequest; cancel: () => void }
  | { kind: 'merging'; request: MergeRequest }
  | { kind: 'stopped'; request: MergeRequest; reason: string };

/** Everything a merge lane remembers: who waits, who is inside, and who has had an answer. */
export class LaneState {
  readonly input: LaneInput;
  #inside: Inside = { kind: 'nobody' };
  /** Where the lane has brought the branch of the request inside; undefined while it is where the task left it. */
  updatedHead: string | undefined;
  answersOnTheirWay = 0;
  readonly #withdrawn = new Set<string>();
  #waiting: MergeRequest[];
  #answered: string[];

  constructor(input: LaneInput) {
    this.input = input;
    this.#waiting = [...(input.requests ?? [])];
    this.#answered = [...(input.answered ?? [])];
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** A malformed signal must not wedge the lane: it is ignored. So is a request that it knows already. */
  hearRequest(raw: unknown): void {
    const request = MergeRequest.safeParse(raw);
    if (!request.success || this.#knows(request.data.id)) return;
    this.#waiting.push(request.data);
  }

  #knows(id: string): boolean {
    const inside = this.#inside.kind === 'nobody' ? [] : [this.#inside.request];
    return this.#answered.includes(id) || [...inside, ...this.#waiting].some((request) => request.id === id);
  }

  takeNext(): MergeRequest | undefined {
    return this.#waiting.shift();
  }

  prepare(request: MergeRequest, cancel: () => void): void {
    this.#inside = { kind: 'preparing', request, cancel };
  }

  merge(request: MergeRequest): void {
    this.#inside = { kind: 'merging', request };
  }

  stop(reason: string): void {
    if (this.#inside.kind === 'merging') {
      this.#inside = { kind: 'stopped', request: this.#inside.request, reason };
    }
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
      inside.cancel();
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
    return { engine, repository, requests: this.#waiting, answered: this.#answered };
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
    if (inside.kind === 'stopped') return `stopped after ${who}: ${inside.reason}; waits for: person`;
    return `${inside.kind} ${who}`;
  }
}
