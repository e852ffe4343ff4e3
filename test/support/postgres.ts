import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { ask, startPostgresServer } from '../../scripts/postgres-server.ts';

/** A Postgres server for tests: one that was given, or one of our own. */
export interface Postgres {
  /** The address of a new, empty database. */
  newDatabase(): Promise<string>;
  /** Breaks every connection to a database, as a restart or a network would; answers how many there were. */
  cutConnections(url: string): Promise<number>;
  stop(): Promise<void>;
}

/** A server of our own, which may also be killed. */
export interface OwnPostgres extends Postgres {
  /** As a crash: nothing is finished, every connection breaks. */
  kill(): Promise<void>;
  /** On the same port, with the same databases. */
  start(): Promise<void>;
  /** Stops every process of the server where it stands, as a machine that hangs; `SIGCONT` lets it go on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
}

const mayNotSkip = process.env['REQUIRE_ALL'] === '1';
const own = inject('postgres');
const given = inject('databaseUrl');

/** Whether tests on a Postgres server are skipped here. */
export const noPostgres = own === undefined && given === undefined && !mayNotSkip;

/** Whether tests that kill the server are skipped here: one that was given is not ours to kill. */
export const noOwnPostgres = own === undefined && (given !== undefined || !mayNotSkip);

export async function startPostgres(): Promise<Postgres> {
  if (given === undefined) return startOwnPostgres();
  return { ...databasesOf(given), stop: () => Promise.resolve() };
}

export async function startOwnPostgres(): Promise<OwnPostgres> {
  if (own === undefined) throw new Error('there is no Postgres server: see MISSION_TEST_POSTGRES');
  const server = await startPostgresServer({
    postgres: own,
    settings: {
      // Several engines with a pool each, and the tests' own connections.
      max_connections: 200,
      // What a crash of the machine would lose is not what these tests are about.
      fsync: 'off',
    },
  });
  return {
    ...databasesOf(server.url),
    start: () => server.start(),
    kill: () => server.end('SIGQUIT'),
    signal: (name) => server.signal(name),
    async stop() {
      await server.end('SIGQUIT');
      await server.remove();
    },
  };
}

function databasesOf(server: string): Pick<Postgres, 'newDatabase' | 'cutConnections'> {
  return {
    async newDatabase() {
      const name = `mission_test_${randomBytes(4).toString('hex')}`;
      await ask(server, `create database ${name}`);
      const url = new URL(server);
      url.pathname = `/${name}`;
      return url.href;
    },
    async cutConnections(url) {
      const cut = 'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1';
      return (await ask(server, cut, [new URL(url).pathname.slice(1)])).length;
    },
  };
}
