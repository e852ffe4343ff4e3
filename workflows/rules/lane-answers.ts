import type { MergeAnswer } from '../../schema/contracts/messages.ts';

/** What is followed by something, or follows the last word. */
const notTheLast = ['verified', 'reverted', 'too-late', 'base-red', 'base-green'] as const;

/** How a merge request came out of the lane. */
export type LaneOutcome = Exclude<MergeAnswer, { kind: (typeof notTheLast)[number] }>;

/** The last word on a request; `merged` is one, though `verified` follows. */
export function lastWordOn(id: string, answers: readonly MergeAnswer[]): LaneOutcome | undefined {
  return answers.find((answer): answer is LaneOutcome => answer.id === id && isLastWord(answer));
}

/** Why the lane of that request stands; undefined while it does not. */
export function redBaseOf(id: string, answers: readonly MergeAnswer[]): string | undefined {
  const newest = answers.findLast(
    (answer) => answer.id === id && (answer.kind === 'base-red' || answer.kind === 'base-green'),
  );
  return newest?.kind === 'base-red' ? newest.reason : undefined;
}

function isLastWord({ kind }: MergeAnswer): boolean {
  return !notTheLast.some((one) => one === kind);
}
