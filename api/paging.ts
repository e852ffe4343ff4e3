import type { z } from 'zod';
import { Problem } from './problem.ts';

/** One more row than a page holds was read: it tells whether there is a next page. */
export function pageOf<Row>(
  rows: Row[],
  limit: number,
  cursorOf: (row: Row) => string,
): { page: Row[]; nextCursor: string | null } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { page, nextCursor: rows.length > limit && last !== undefined ? cursorOf(last) : null };
}

/** A cursor is the place of a page's last row, in a form that nobody should read anything into. */
export function writeCursor(place: unknown[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

export function readCursor<Place extends z.ZodType>(schema: Place, cursor: string): z.infer<Place> {
  const parsed = schema.safeParse(decode(cursor));
  if (parsed.success) return parsed.data;
  throw new Problem('bad-request', 'cursor: take it from the nextCursor of the page before');
}

function decode(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}
