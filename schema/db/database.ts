import { randomBytes } from 'node:crypto';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite';
import { migrate as migratePglite } from 'drizzle-orm/pglite/migrator';
import { migrationsFolder, prepareDatabase } from './ledger.ts';
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

/**
 * Opens PGlite in a folder, or in memory without one, and brings it up to the newest migration.
 * The caller holds the lock on the data directory: two processes in one folder would ruin it.
 */
export async function openPglite(folder?: string): Promise<Database> {
  const client = new PGlite({ ...(folder === undefined ? {} : { dataDir: folder }), extensions: { vector } });
  await client.waitReady;
  const queries = drizzlePglite(client, { schema: tables });
  try {
    await prepareDatabase(async (statement) => (await client.query(statement)).rows);
    await migratePglite(queries, { migrationsFolder });
  } catch (error) {
    await client.close();
    throw error;
  }
  return {
    queries,
    listen: (channel, { onPayload }) => client.listen(channel, onPayload),
    close: () => client.close(),
  };
}

/** The id of this installation, set once for each database: a new one has `known`, or an id of its own. */
export async function readInstallation(queries: Queries, known?: string): Promise<string> {
  const id = known ?? `i${randomBytes(4).toString('hex')}`;
  await queries.insert(tables.installation).values({ id }).onConflictDoNothing();
  const [row] = await queries.select().from(tables.installation);
  if (!row) throw new Error('the installation row vanished between two statements');
  return row.id;
}
