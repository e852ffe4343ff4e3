/** What a benchmark says: figures, each with its limit if it has one. */

export interface Row {
  name: string;
  value: number;
  unit: string;
  /** Null: a part of another figure, or a figure for comparison. */
  limit: number | null;
  holds: boolean | null;
}

type Figure = Pick<Row, 'name' | 'value' | 'unit'>;

export function atMost(limit: number, figure: Figure): Row {
  return { ...rounded(figure), limit, holds: figure.value <= limit };
}

export function atLeast(limit: number, figure: Figure): Row {
  return { ...rounded(figure), limit, holds: figure.value >= limit };
}

export function part(figure: Figure): Row {
  return { ...rounded(figure), limit: null, holds: null };
}

/** Three decimals are more than any of the figures is good for. */
function rounded({ name, value, unit }: Figure): Figure {
  return { name, value: Math.round(value * 1_000) / 1_000, unit };
}

/** The rows as lines for people, in columns. */
export function toTable(rows: readonly Row[]): string[] {
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows.map(({ name, value, unit, limit, holds }) => {
    const figure = `${name.padEnd(width)}  ${String(value).padStart(10)} ${unit.padEnd(8)}`;
    if (limit === null) return figure.trimEnd();
    return `${figure}  limit ${limit}  ${holds === true ? 'holds' : 'MISSED'}`;
  });
}
