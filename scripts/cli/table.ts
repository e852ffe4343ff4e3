/** Columns as wide as their widest cell. Those of numbers stand flush right, from the column `numbersFrom` on. */
export function table(
  rows: readonly (readonly string[])[],
  { numbersFrom = Infinity }: { numbersFrom?: number } = {},
): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column < numbersFrom ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** Since when, in the largest unit that fits. */
export function ageOf(at: string | undefined, now: number): string {
  if (at === undefined) return '-';
  const seconds = Math.max(0, Math.round((now - Date.parse(at)) / 1_000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3_600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
