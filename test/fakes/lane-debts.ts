import type { Pull } from './lane-happenings.ts';

/** Kinds of answer after which nothing more is to be waited for, except for `verified` after `merged`. */
export const lastWords = ['merged', 'head-moved', 'conflict', 'ci-failed', 'failed', 'withdrawn'];

/** Enough for each pull request to come through, or not. */
export const mostRounds = 4;

/** What a merge lane still owes to anybody once nothing moves any more. */
export function debtsOf(of: {
  pulls: readonly Pull[];
  /** Whether the lane's own revert of that merge was merged, whatever became of the answer. */
  isTakenBack: (mergeSha: string) => boolean;
}): string[] {
  const unaware = of.pulls
    .filter(({ state, isTaskOpen, requests }) => {
      const last = requests.at(-1);
      const mayAsk = isTaskOpen && requests.length < mostRounds && last?.isWithdrawn === false;
      return state === 'merged' && mayAsk && !last.answers.some(({ kind }) => kind === 'merged');
    })
    .map(({ task }) => `${task} is merged, and does not know`);
  return [...unaware, ...unanswered(of)];
}

function unanswered({ pulls, isTakenBack }: Parameters<typeof debtsOf>[0]): string[] {
  return pulls
    .filter(({ isTaskOpen }) => isTaskOpen)
    .flatMap(({ requests }) => requests)
    .flatMap(({ request, answers, isWithdrawn }) => {
      const words = answers.filter(({ kind }) => lastWords.includes(kind));
      if (words.length !== 1) return [`${request.id} has ${words.length} last words`];
      const [word] = words;
      if (word?.kind !== 'merged' || answers.some(({ kind }) => kind === 'reverted')) return [];
      if (isWithdrawn && !answers.some(({ kind }) => kind === 'too-late')) {
        return [`${request.id} was not told that it is too late`];
      }
      const verdict = answers.findLast((answer) => answer.kind === 'verified');
      if (verdict?.green === true && isTakenBack(word.mergeSha)) {
        return [`${request.id} was taken back, and told that it is verified`];
      }
      const isVerified = verdict?.green === true || verdict?.verdict === 'none-yet';
      return isVerified ? [] : [`${request.id} was merged and is not verified`];
    });
}
