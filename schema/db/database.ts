import { randomBytes } from 'node:crypto';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import * as tables from './tables.ts';

export type Queries = PgDatabase<PgQueryResultHKT, typeof tables>;

export interface Listener {
  onPayload: (payload: string) => void;
  /** The subscription was broken and stands again: what was said in between is lost. */
  onGap: () => void;
}

export interface Database {
  queries: Queries;
  /** Subscribes to the notifications on a channel, until the returned function is called. */
  listen: (channel: string, listener: Listener) => Promise<() => Promise<void>>;
  close: () => Promise<void>;
}

/** The id of this installation, set once for each database: a new one has `known`, or an id of its own. */
export async function readInstallation(queries: Queries, known?: string): Promise<string> {
  const id = known ?? `i${randomBytes(4).toString('hex')}`;
  await queries.insert(tables.installation).values({ id }).onConflictDoNothing();
  const [row] = await queries.select().from(tables.installation);
  if (!row) throw new Error('the installation row vanished between two statements');
  return row.id;
}
