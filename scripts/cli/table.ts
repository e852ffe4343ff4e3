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
