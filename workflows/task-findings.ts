import type { KnownFinding, Review } from '../schema/contracts/review.ts';
import type { TaskView } from '../schema/contracts/views.ts';
import { identify, objectionsOf, remember } from './rules/findings.ts';

/** What a task remembers of its reviews: it is all in the view, and made of what was reviewed, answered and decided. */
export class TaskFindings {
  readonly #view: Pick<TaskView, 'findings' | 'reviews' | 'headSha'>;

  constructor(view: TaskView) {
    this.#view = view;
  }

  get known(): KnownFinding[] {
    return this.#view.findings;
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
    const { count, dont } = objectionsOf(review.findings, this.known);
    return count.length === 0 && dont.length > 0 ? undefined : review;
  }
}
