/** What a database must be before its tables are used: with pgvector, and with no migrations but ours. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { z } from 'zod';
import { packageRoot } from '../package-root.ts';

export const migrationsFolder = join(packageRoot(), 'schema/db/migrations');

/** Runs one statement and answers its rows, on whatever connection there is. */
export type Ask = (statement: string) => Promise<unknown[]>;

interface Migration {
  tag: string;
  hash: string;
  /** The time in the journal, by which the migrator knows a migration again. */
  when: number;
}

const Journal = z.object({ entries: z.array(z.object({ tag: z.string(), when: z.number() })) });

export function ourMigrations(): Migration[] {
  const journal = readFileSync(join(migrationsFolder, 'meta/_journal.json'), 'utf8');
  const hashes = new Map(
    readMigrationFiles({ migrationsFolder }).map(({ folderMillis, hash }) => [folderMillis, hash]),
  );
  return Journal.parse(JSON.parse(journal)).entries.map(({ tag, when }) => ({
    tag,
    when,
    hash: hashes.get(when) ?? '',
  }));
}

const Applied = z.object({ hash: z.string(), created_at: z.coerce.number() });
type Applied = z.infer<typeof Applied>;

/** The rows that the migrator has written; none before the first migration. */
export async function readLedger(ask: Ask): Promise<Applied[]> {
  const [table] = z
    .array(z.object({ found: z.boolean() }))
    .parse(await ask(`select to_regclass('drizzle.__drizzle_migrations') is not null as found`));
  if (table?.found !== true) return [];
  return z.array(Applied).parse(await ask('select hash, created_at from drizzle.__drizzle_migrations'));
}

export interface LedgerVerdict {
  /** What the next start will apply. */
  pending: string[];
  /** Why this code must not work on that database, and what to do. */
  fault: string | undefined;
}

/**
 * The migrator itself looks at nothing but the newest row: it takes a ledger of another version for a complete one,
 * and passes over a migration that is older than the newest.
 */
export function judgeLedger(ours: readonly Migration[], applied: readonly Applied[]): LedgerVerdict {
  const hashes = new Map(applied.map((row) => [row.created_at, row.hash]));
  const known = new Set(ours.map(({ when }) => when));
  const unknown = applied.filter((row) => !known.has(row.created_at));
  if (unknown.length > 0) {
    const fault = `it has ${unknown.length} migrations that this version does not know: run the version that made them, or a newer one`;
    return { pending: [], fault };
  }
  const changed = ours.find(({ when, hash }) => hashes.has(when) && hashes.get(when) !== hash);
  if (changed) {
    const fault = `the migration ${changed.tag} was applied with other contents: run the version that applied it`;
    return { pending: [], fault };
  }
  const pending = ours.filter(({ when }) => !hashes.has(when));
  const newest = Math.max(0, ...hashes.keys());
  const skipped = pending.find(({ when }) => when < newest);
  if (skipped) {
    const fault = `the migration ${skipped.tag} was never applied, but newer ones were: restore a backup from before them`;
    return { pending: [], fault };
  }
  return { pending: pending.map(({ tag }) => tag), fault: undefined };
}

const Vector = z.object({ installed: z.string().nullable(), available: z.string().nullable() });

/** Which version of the extension `vector` is enabled in this database, and which the server could enable. */
export async function readVector(ask: Ask): Promise<z.infer<typeof Vector>> {
  const rows = await ask(`
    select (select extversion from pg_extension where extname = 'vector') as installed,
      (select default_version from pg_available_extensions where name = 'vector') as available`);
  return z.tuple([Vector]).parse(rows)[0];
}

export const vectorRemedy =
  'install pgvector on the server, for instance with the image pgvector/pgvector:pg17';

/**
 * Refuses a database that this code must not touch, before it is migrated. Enables pgvector: memory needs it, and a
 * server without it is better told of at start than at the first search.
 */
export async function prepareDatabase(ask: Ask): Promise<void> {
  const { fault } = judgeLedger(ourMigrations(), await readLedger(ask));
  if (fault !== undefined) throw new Error(`the database can not be used: ${fault}`);
  const { installed, available } = await readVector(ask);
  if (installed !== null) return;
  if (available === null) throw new Error(`the database has no extension vector: ${vectorRemedy}`);
  await ask('create extension if not exists vector').catch(() => {
    throw new Error(
      'the extension vector could not be enabled: let a superuser run `create extension vector` in this database',
    );
  });
}
