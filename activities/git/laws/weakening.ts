import type { FileChange } from '../file-changes.ts';

/** Where a change makes the checks of a repository weaker, and how. */
export interface Weakening {
  file: string;
  line?: number;
  message: string;
}

type Line = FileChange['added'][number];

/** What a file has lost and gained, without what was moved. */
export interface Balance {
  change: FileChange;
  lost: number;
  gained: number;
  firstGained: Line | undefined;
}

/** Weighs the lines of each file. A line that is taken away here and stands there, word for word, was moved. */
export function balance(
  changes: readonly FileChange[],
  weigh: (line: string, file: string) => number,
): Balance[] {
  const taken = countLines(changes.map(({ removed }) => removed));
  const put = countLines(changes.map(({ added }) => added));
  return changes.map((change) => {
    const { from, to } = change;
    const lost = change.removed.filter(({ text }) => weigh(text, from ?? '') > 0 && !take(put, text));
    const gained = change.added.filter(({ text }) => weigh(text, to ?? '') > 0 && !take(taken, text));
    return {
      change,
      lost: sum(lost.map(({ text }) => weigh(text, from ?? ''))),
      gained: sum(gained.map(({ text }) => weigh(text, to ?? ''))),
      firstGained: gained[0],
    };
  });
}

function countLines(files: readonly Line[][]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { text } of files.flat()) counts.set(text.trim(), (counts.get(text.trim()) ?? 0) + 1);
  return counts;
}

/** True: it was there, and is now used up. */
function take(counts: Map<string, number>, text: string): boolean {
  const count = counts.get(text.trim()) ?? 0;
  if (count > 0) counts.set(text.trim(), count - 1);
  return count > 0;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((one, other) => one + other, 0);
}
