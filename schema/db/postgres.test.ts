import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { ask } from '../../scripts/postgres-server.ts';
import { noOwnPostgres, startOwnPostgres, type OwnPostgres } from '../../test/support/postgres.ts';
import { until } from '../../test/support/until.ts';
import type { Database } from './database.ts';
import { openPostgres } from './postgres.ts';
import { whyUnavailable } from './unavailable.ts';

let server: OwnPostgres;
let url: string;

/** With one connection whatever is not given back is missed at once. */
async function open(name = 'tests'): Promise<Database> {
  const database = await openPostgres({ url, name, poolSize: 1 });
  onTestFinished(() => database.close());
  return database;
}

const bugOrNothing = /^(?:nothing|a bug)/;

/** What a failing query says of the database. */
async function complaintOf(query: PromiseLike<unknown>): Promise<string> {
  try {
    await query;
  } catch (error) {
    return whyUnavailable(error) ?? `a bug: ${String(error)}`;
  }
  return 'nothing';
}

describe.skipIf(noOwnPostgres)('a Postgres server (skipped without one of our own)', () => {
  beforeAll(async () => {
    server = await startOwnPostgres();
  });
  afterAll(() => server.stop());
  beforeEach(async () => {
    url = await server.newDatabase();
  });

  it('shows who is connected', async () => {
    const { queries } = await open('mission up a');
    await queries.execute(sql`select 1`);
    const names = await ask(url, 'select application_name from pg_stat_activity');
    expect(names).toContainEqual({ application_name: 'mission up a' });
  });

  it('is migrated by one of many that start at once', async () => {
    await Promise.all([1, 2, 3, 4].map(() => open()));
    const { queries } = await open();
    await queries.execute(sql`select * from hosts`);
  });

  it('that cuts a transaction fails it as unavailable, and the next one has its connection', async () => {
    const { queries } = await open();
    const cut = queries.transaction(async (tx) => {
      await server.cutConnections(url);
      await tx.execute(sql`select 1`);
    });
    expect(await complaintOf(cut)).not.toMatch(bugOrNothing);
    await queries.transaction((tx) => tx.execute(sql`select 1`));
  });

  it('that dies and comes back is used again', async () => {
    const { queries } = await open();
    await server.kill();
    for (let tries = 0; tries < 3; tries++) {
      expect(await complaintOf(queries.execute(sql`select 1`))).not.toMatch(bugOrNothing);
      expect(await complaintOf(queries.transaction((tx) => tx.execute(sql`select 1`)))).not.toMatch(
        bugOrNothing,
      );
    }
    await server.start();
    await queries.transaction((tx) => tx.execute(sql`select 1`));
  });

  it('that hangs is told after seconds, and is used again when it goes on', async () => {
    const { queries } = await open();
    server.signal('SIGSTOP');
    const complaints = [
      complaintOf(queries.transaction((tx) => tx.execute(sql`select 1`))),
      complaintOf(queries.execute(sql`select 1`)),
    ];
    for (const complaint of await Promise.all(complaints)) expect(complaint).not.toMatch(bugOrNothing);
    server.signal('SIGCONT');
    await queries.transaction((tx) => tx.execute(sql`select 1`));
  });

  it('ends a statement that waits too long for somebody’s lock', async () => {
    const holder = await open();
    const waiter = await open();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const holding = holder.queries.transaction(async (tx) => {
      await tx.execute(sql`lock table missions`);
      await held;
    });
    await until(
      async () => (await ask(url, `select 1 from pg_locks where mode = 'AccessExclusiveLock'`)).length > 0,
    );
    expect(await complaintOf(waiter.queries.execute(sql`select * from missions`))).toMatch(
      /statement timeout/,
    );
    release();
    await holding;
  });

  it('that cuts a subscription has it again, and says that something may be missed', async () => {
    const { queries, listen } = await open();
    const heard: string[] = [];
    let gaps = 0;
    const stop = await listen('c', { onPayload: (payload) => heard.push(payload), onGap: () => (gaps += 1) });
    for (const round of [1, 2, 3]) {
      await server.cutConnections(url);
      await until(() => gaps === round);
      await until(async () => (await complaintOf(queries.execute(sql`select 1`))) === 'nothing');
      await queries.execute(sql`select pg_notify('c', ${String(round)})`);
      await until(() => heard.length === round);
    }
    expect(heard).toEqual(['1', '2', '3']);
    const listening = await ask(url, `select 1 from pg_stat_activity where query = 'listen "c"'`);
    expect(listening).toHaveLength(1);
    await stop();
  });

  it('that is not there is named without its password', async () => {
    const nowhere = 'postgres://me:s3cret@127.0.0.1:1/missions';
    await expect(openPostgres({ url: nowhere, name: 'tests' })).rejects.toThrow(
      /^the database can not be had \(connect ECONNREFUSED 127.0.0.1:1\): start it, or check DATABASE_URL$/,
    );
    const malformed = openPostgres({ url: 'mysql://me:s3cret@host/x', name: 'tests' });
    await expect(malformed).rejects.toThrow(/^DATABASE_URL is no address of a Postgres server: postgres:/);
  });
});
