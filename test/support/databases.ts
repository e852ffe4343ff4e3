import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Database } from '../../schema/db/database.ts';
import { openPglite } from '../../schema/db/pglite.ts';
import { openPostgres } from '../../schema/db/postgres.ts';
import { noPostgres, startPostgres } from './postgres.ts';

/** The databases that an engine may have; what holds on one must hold on the other. */
export const databases = ['PGlite', 'Postgres'] as const;

/** Opens one for the tests of a `describe`, which are skipped where there is no Postgres server. */
export function useDatabase(kind: (typeof databases)[number]): () => Database {
  const skipped = kind === 'Postgres' && noPostgres;
  let opened: { database: Database; close: () => Promise<void> } | undefined;
  beforeAll(async () => {
    if (skipped) return;
    opened = await (kind === 'PGlite' ? open() : openOnServer());
  });
  beforeEach((context) => context.skip(skipped, 'no Postgres server can be had here'));
  afterAll(() => opened?.close());
  return () => {
    if (!opened) throw new Error('the database is open within its tests only');
    return opened.database;
  };
}

async function open() {
  const database = await openPglite();
  return { database, close: () => database.close() };
}

async function openOnServer() {
  const server = await startPostgres();
  const database = await openPostgres({ url: await server.newDatabase(), name: 'tests' });
  return {
    database,
    async close() {
      await database.close();
      await server.stop();
    },
  };
}
