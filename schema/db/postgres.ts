import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';
import type { Database, Listener, Queries } from './database.ts';
import { migrationsFolder, prepareDatabase } from './ledger.ts';
import * as tables from './tables.ts';
import { DatabaseUnavailable, whyConnectionFailed, whyUnavailable } from './unavailable.ts';

/** Any number: what matters is that every process of ours takes the same one. */
const migrationLock = 7_314_001;

/** Several processes share a server, which by default takes 100 connections in all. */
const defaultPoolSize = 10;

/** A connection takes milliseconds. Also how long a query waits for a free one: then it is told, not kept. */
const connectWithinMs = 5_000;

/** Our statements take milliseconds: one that takes longer waits for a lock. Less than a write to the read model may take. */
const statementWithinMs = 8_000;

/** The server should have ended the statement by now: it hangs, or the network swallows what it says. */
const answerWithinMs = 9_000;

/** A process that hangs within a transaction would keep its row locks from all the others. */
const idleInTransactionMs = 10_000;

/** Another process may be migrating; migrations of ours take seconds. */
const migrationLockMs = 60_000;

/** How soon a broken subscription is taken up again; readers look by themselves every 15 s anyway. */
const listenAgainMs = 500;

/** A server that does not answer must not hold up our own end; it notices that we are gone. */
const closeWithinMs = 2_000;

export interface PostgresOptions {
  url: string;
  /** What the server's list of connections shows of this process. */
  name: string;
  /** The most connections at once, beside those that listen. */
  poolSize?: number | undefined;
}

/**
 * Connects to a Postgres server and migrates it, one process at a time. What it can't do because the server can't be
 * had fails with an error that `whyUnavailable` knows.
 */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const config = connection(options);
  await migrateOnce(config);
  const pool = new pg.Pool({
    ...config,
    max: options.poolSize ?? defaultPoolSize,
    statement_timeout: statementWithinMs,
    query_timeout: answerWithinMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
  });
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => undefined);
  return {
    queries: queriesOf(pool),
    listen: (channel, listener) => listen(config, channel, listener),
    close: () => atMost(closeWithinMs, pool.end()),
  };
}

function connection({ url, name }: PostgresOptions): pg.ClientConfig {
  // The driver would take anything for the name of a local database.
  if (!/^postgres(?:ql)?:\/\//.test(url) || !URL.canParse(url)) {
    throw new Error(
      'DATABASE_URL is no address of a Postgres server: postgres://USER:PASSWORD@HOST:PORT/NAME',
    );
  }
  return {
    connectionString: url,
    application_name: name,
    connectionTimeoutMillis: connectWithinMs,
    // A peer that vanished is told by nothing else; by default the kernel asks after two hours.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  };
}

async function migrateOnce(config: pg.ClientConfig): Promise<void> {
  const client = new pg.Client({ ...config, lock_timeout: migrationLockMs });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select pg_advisory_lock($1)', [migrationLock]);
    await prepareDatabase(async (statement) => (await client.query<object>(statement)).rows);
    await migrate(drizzle(client), { migrationsFolder });
  } catch (error) {
    const reason = whyUnavailable(error) ?? whyConnectionFailed(error);
    if (reason === undefined) throw error;
    throw new DatabaseUnavailable(`the database can not be had (${reason}): start it, or check DATABASE_URL`);
  } finally {
    // The lock goes with the connection.
    await atMost(closeWithinMs, client.end());
  }
}

function queriesOf(pool: pg.Pool): Queries {
  const queries = drizzle(pool, { schema: tables });
  // Drizzle's own keeps a connection for ever whose `begin` has failed, and gives one that hangs back to the pool.
  queries.transaction = async (work, options) => {
    const client = await pool.connect().catch((error: unknown) => {
      const reason = whyConnectionFailed(error);
      throw reason === undefined ? error : new DatabaseUnavailable(reason);
    });
    // A connection that breaks in our hands fails the query; without a listener it would end the process.
    const ignore = () => undefined;
    client.on('error', ignore);
    let broken = false;
    try {
      return await drizzle(client, { schema: tables }).transaction(work, options);
    } catch (error) {
      broken = whyUnavailable(error) !== undefined;
      throw error;
    } finally {
      client.off('error', ignore);
      client.release(broken);
    }
  };
  return queries;
}

/** One connection of its own, taken up again whenever it breaks. */
async function listen(
  config: pg.ClientConfig,
  channel: string,
  { onPayload, onGap }: Listener,
): Promise<() => Promise<void>> {
  let stopped = false;
  let client = await subscribe();
  return async () => {
    stopped = true;
    await atMost(closeWithinMs, client.end());
  };

  async function subscribe(): Promise<pg.Client> {
    const fresh = new pg.Client({ ...config, query_timeout: answerWithinMs });
    fresh.on('notification', (message) => {
      if (message.channel === channel) onPayload(message.payload ?? '');
    });
    // Without a listener a broken connection would end the process; that it has ended is told as well.
    fresh.on('error', () => undefined);
    try {
      await fresh.connect();
      await fresh.query(`listen ${pg.escapeIdentifier(channel)}`);
    } catch (error) {
      await atMost(closeWithinMs, fresh.end());
      throw error;
    }
    fresh.once('end', () => void subscribeAgain());
    // It may have been given up meanwhile.
    if (stopped) await atMost(closeWithinMs, fresh.end());
    return fresh;
  }

  async function subscribeAgain(): Promise<void> {
    while (!stopped) {
      try {
        client = await subscribe();
        onGap();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, listenAgainMs));
      }
    }
  }
}

async function atMost(ms: number, work: Promise<void>): Promise<void> {
  const given = new Promise<void>((resolve) => setTimeout(resolve, ms).unref());
  await Promise.race([work.catch(() => undefined), given]);
}
