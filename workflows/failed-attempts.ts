import type { Delivered } from './ports.ts';
import type { Rejection } from './rules/remediation.ts';

/** What reviewers or CI have sent back: the same files once more would come to the same, and cost as much. */
export class FailedAttempts {
  readonly #failed = new Map<string, { headSha: string; message: string }>();
  #resolutions = 0;
  #last: Delivered | undefined;

  /** What was failed with those files at another head. Who disputes a finding may have nothing to change. */
  repeats(delivered: Delivered, resolutions: number): { headSha: string; message: string } | undefined {
    // A person who has looked may want the very same tried again.
    if (resolutions > this.#resolutions) this.#failed.clear();
    this.#resolutions = resolutions;
    this.#last = delivered;
    const { tree, headSha, answers = [] } = delivered;
    if (tree === undefined || answers.some(({ answer }) => answer === 'disputed')) return undefined;
    const before = this.#failed.get(tree);
    return before?.headSha === headSha ? undefined : before;
  }

  failed(rejections: readonly (Rejection | undefined)[]): void {
    const [first] = rejections.flatMap((rejection) => rejection ?? []);
    const { tree, headSha } = this.#last ?? {};
    if (!first || tree === undefined || headSha === undefined) return;
    this.#failed.set(tree, { headSha, message: first.failure.message });
  }
}
