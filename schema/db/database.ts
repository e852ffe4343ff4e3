import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres';
import { migrate as migratePg } from 'drizzle-orm/node-postgres/migrator';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite';
import { migrate as migratePglite } from 'drizzle-orm/pglite/migrator';
import pg from 'pg';
import { packageRoot } from '../package-root.ts';
import * as tables from './tables.ts';

export type Queries = PgDatabase<PgQueryResultHKT, typeof tables>;

export interface Database {
  queries: Queries;
  /** Calls back with the payload of each notification on a channel, until the returned function is called. */
  listen(channel: string, onPayload: (payload: string) => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** Any number: what matters is that every process of ours takes the same one. */
const migrationLock = 7_314_001;

const migrationsFolder = join(packageRoot(), 'schema/db/migrations');

/**
 * Opens PGlite in a folder, or in memory without one, and brings it up to the newest migration.
 * The caller holds the lock on the data directory: two processes in one folder would ruin it.
 */
export async function openPglite(folder?: string): Promise<Database> {
  const client = folder === undefined ? new PGlite() : new PGlite(folder);
  await client.waitReady;
  const queries = drizzlePglite(client, { schema: tables });
  await migratePglite(queries, { migrationsFolder });
  return {
    queries,
    listen: (channel, onPayload) => client.listen(channel, onPayload),
    close: () => client.close(),
  };
}

/** Connects to a Postgres server and migrates it, one process at a time. */
export async function openPostgres(url: string): Promise<Database> {
  const pool = new pg.Pool({ connectionString: url, max: 20 });
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => undefined);
  const migrator = await pool.connect();
  try {
    await migrator.query('select pg_advisory_lock($1)', [migrationLock]);
    await migratePg(drizzlePg(migrator), { migrationsFolder });
    await migrator.query('select pg_advisory_unlock($1)', [migrationLock]);
  } finally {
    migrator.release();
  }
  return {
    queries: drizzlePg(pool, { schema: tables }),
    listen: (channel, onPayload) => listenOnPostgres(pool, channel, onPayload),
    close: () => pool.end(),
  };
}

/** How soon a broken subscription is taken up again; readers look by themselves every 15 s anyway. */
const listenAgainMs = 1_000;

async function listenOnPostgres(
  pool: pg.Pool,
  channel: string,
  onPayload: (payload: string) => void,
): Promise<() => Promise<void>> {
  let stopped = false;
  let client = await subscribe();
  return async () => {
    stopped = true;
    await client.query(`unlisten ${pg.escapeIdentifier(channel)}`).catch(() => undefined);
    client.release(true);
  };

  async function subscribe(): Promise<pg.PoolClient> {
    const subscribed = await pool.connect();
    subscribed.on('notification', (message) => {
      if (message.channel === channel) onPayload(message.payload ?? '');
    });
    // Without a listener a broken connection would end the process.
    subscribed.on('error', (error) => {
      subscribed.release(error);
      void subscribeAgain();
    });
    await subscribed.query(`listen ${pg.escapeIdentifier(channel)}`);
    return subscribed;
  }

  async function subscribeAgain(): Promise<void> {
    while (!stopped) {
      try {
        client = await subscribe();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, listenAgainMs));
      }
    }
  }
}

/** The id of this installation, set once for each database: a new one has `known`, or an id of its own. */
export async function readInstallation(queries: Queries, known?: string): Promise<string> {
  const id = known ?? `i${randomBytes(4).toString('hex')}`;
  await queries.insert(tables.installation).values({ id }).onConflictDoNothing();
  const [row] = await queries.select().from(tables.installation);
  if (!row) throw new Error('the installation row vanished between two statements');
  return row.id;
}
