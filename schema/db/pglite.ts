/** Postgres within this process, for one machine: PGlite. */
import { existsSync } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { drizzle } from 'drizzle-orm/pglite';
import { migrate } from 'drizzle-orm/pglite/migrator';
import { builtFolder } from '../package-root.ts';
import type { Database } from './database.ts';
import { migrationsFolder, prepareDatabase } from './ledger.ts';
import * as tables from './tables.ts';

/**
 * Opens PGlite in a folder, or in memory without one, and brings it up to the newest migration.
 * The caller holds the lock on the data directory: two processes in one folder would ruin it.
 */
export async function openPglite(folder?: string): Promise<Database> {
  const client = await (folder === undefined ? unpack() : open(folder));
  const queries = drizzle(client, { schema: tables });
  try {
    await prepareDatabase(async (statement) => (await client.query(statement)).rows);
    await migrate(queries, { migrationsFolder });
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

/** A folder has its name once it is whole: a first start that is killed leaves no half a database behind. */
async function open(folder: string): Promise<PGlite> {
  if (!existsSync(folder)) {
    const making = `${folder}.new`;
    await rm(making, { recursive: true, force: true });
    await (await unpack(making)).close();
    await rename(making, folder);
  }
  return PGlite.create({ dataDir: folder, extensions: { vector } });
}

/** The empty database comes with the build: to make one takes PGlite 3 s, to unpack it one. */
async function unpack(folder?: string): Promise<PGlite> {
  const loadDataDir = new Blob([await readFile(join(builtFolder(), 'empty-database.tar'))]);
  return PGlite.create({
    ...(folder === undefined ? {} : { dataDir: folder }),
    loadDataDir,
    extensions: { vector },
  });
}
