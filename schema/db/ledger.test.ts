import { PGlite } from '@electric-sql/pglite';
import { onTestFinished, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary.ts';
import { openPglite } from './pglite.ts';
import { judgeLedger, ourMigrations, prepareDatabase, readVector, type Ask } from './ledger.ts';

const ours = [
  { tag: '0000_first', hash: 'a', when: 1 },
  { tag: '0001_second', hash: 'b', when: 2 },
];

describe('the ledger of migrations', () => {
  it('tells what the next start applies', () => {
    expect(judgeLedger(ours, [])).toEqual({ pending: ['0000_first', '0001_second'], fault: undefined });
    expect(judgeLedger(ours, [{ hash: 'a', created_at: 1 }]).pending).toEqual(['0001_second']);
  });

  it.each([
    { name: 'a migration of a newer version', created_at: 3, hash: 'c', fault: 'does not know' },
    { name: 'a migration with other contents', created_at: 1, hash: 'z', fault: '0000_first' },
    { name: 'a gap, which would never be filled', created_at: 2, hash: 'b', fault: '0000_first' },
  ])('refuses $name', ({ fault, ...row }) => {
    expect(judgeLedger(ours, [row]).fault).toContain(fault);
  });

  it('is what the migrator itself writes', async () => {
    const folder = await temporaryFolder();
    await (await openPglite(folder)).close();
    const client = new PGlite(folder);
    const rows = await client.query('select hash, created_at from drizzle.__drizzle_migrations order by id');
    expect(rows.rows).toEqual(ourMigrations().map(({ hash, when }) => ({ hash, created_at: when })));

    await client.query(
      `insert into drizzle.__drizzle_migrations (hash, created_at) values ('of tomorrow', 9e15)`,
    );
    await client.close();
    await expect(openPglite(folder)).rejects.toThrow(
      'the database can not be used: it has 1 migrations that this version does not know: run the version',
    );
  });
});

describe('pgvector', () => {
  it('is enabled before the migrations', async () => {
    const database = await openPglite();
    onTestFinished(() => database.close());
    await database.queries.execute(`select '[1,2,3]'::vector(3)`);
  });

  it('is asked for with its remedy where the server lacks it', async () => {
    const client = new PGlite();
    onTestFinished(() => client.close());
    const ask: Ask = async (statement) => (await client.query(statement)).rows;
    expect(await readVector(ask)).toEqual({ installed: null, available: null });
    await expect(prepareDatabase(ask)).rejects.toThrow(
      'the database has no extension vector: install pgvector on the server',
    );
  });
});
