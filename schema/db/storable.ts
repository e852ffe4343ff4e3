/**
 * A value as Postgres can keep it. Agents and reviewers write any text: a NUL or half of a surrogate pair in it would
 * be refused by `text` and `jsonb`, and with it everything else that was to be written.
 */
export function storable<T>(value: T): T;
export function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed().replaceAll('\0', '\uFFFD');
  if (Array.isArray(value)) {
    const items: unknown[] = value;
    return items.map((item) => storable(item));
  }
  if (value === null || typeof value !== 'object' || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, storable(item)]));
}
