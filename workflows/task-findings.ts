import type { Policy } from '../schema/contracts/mission-file.ts';
import {
  isSettled,
  type DisputeDecision,
  type FindingAnswer,
  type KnownFinding,
  type Review,
} from '../schema/contracts/review.ts';
import type { TaskView } from '../schema/contracts/views.ts';
import { answered, blocks, decided, identify, remember, restsOnNothing } from './rules/findings.ts';

/** What a task remembers of its reviews: it is all in the view, and made of what was reviewed, answered and decided. */
export class TaskFindings {
  readonly #view: Pick<TaskView, 'findings' | 'reviews' | 'headSha'>;
  readonly #policy: Pick<Policy, 'shouldFix'>;

  constructor(view: TaskView, policy: Pick<Policy, 'shouldFix'>) {
    this.#view = view;
    this.#policy = policy;
  }

  get known(): KnownFinding[] {
    return this.#view.findings;
  }

  /** Whether something was found at an earlier head that this one has to mend. */
  get mends(): boolean {
    return this.known.some((one) => !isSettled(one) && one.last !== this.#view.headSha);
  }

  /** Those that their author disputes, and nobody has decided on. */
  get disputed(): KnownFinding[] {
    return this.known.filter(({ state }) => state === 'disputed');
  }

  /** What a task that was merged leaves to another. */
  get deferred(): { deferred?: KnownFinding[] } {
    const deferred = this.known.filter(({ state }) => state === 'deferred');
    return deferred.length === 0 ? {} : { deferred };
  }

  answered(answers: readonly FindingAnswer[], of: { sha: string; by: string }): void {
    this.#view.findings = answered(this.known, answers, { ...of, blocks: (known) => this.#blocks(known) });
  }

  #blocks(known: KnownFinding): boolean {
    const { shouldFix } = this.#policy;
    const newest = this.#view.reviews.findLast(({ engine }) => engine === known.engine);
    return blocks(known, { shouldFix, verdict: newest?.verdict });
  }

  decided(id: string, decision: DisputeDecision, of: { by: string; why?: string }): void {
    const sha = this.#view.headSha;
    if (sha === null) throw new Error(`${id} can't have been found: nothing was delivered`);
    this.#view.findings = this.known.map((one) =>
      one.id === id ? decided(one, decision, { sha, ...of }) : one,
    );
  }

  /** One review of each engine for each head: one that is given again takes the place of the one before. */
  reviewed(review: Review): void {
    const { engine, sha } = review;
    const findings = identify({ engine, findings: review.findings, known: this.known });
    const others = this.#view.reviews.filter((one) => one.engine !== engine || one.sha !== sha);
    this.#view.reviews = [...others, { ...review, findings }];
    this.#view.findings = remember(this.known, { ...review, findings });
  }

  /**
   * The verdict of an engine on this very head, if there is one that stands. One whose objections were all decided on
   * is asked for again: only the reviewer itself can make an approval of it.
   */
  standing(engine: string): Review | undefined {
    const { headSha, reviews } = this.#view;
    const review = reviews.find((one) => one.engine === engine && one.sha === headSha);
    if (!review || review.verdict === 'approve') return review;
    return restsOnNothing(review.findings, this.known) ? undefined : review;
  }
}
