/** The value that `share` of all values don't exceed, by the nearest rank; 0.5 is the median. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  const found = sorted[rank - 1];
  if (found === undefined) throw new Error('there is no percentile of nothing');
  return found;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** A stretch of time, in milliseconds of one clock. */
export interface Interval {
  from: number;
  to: number;
}

/** How long at least one of the intervals lasts: what runs side by side counts once. */
export function covered(intervals: readonly Interval[]): number {
  let total = 0;
  let end = -Infinity;
  for (const { from, to } of [...intervals].sort((a, b) => a.from - b.from)) {
    total += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return total;
}
