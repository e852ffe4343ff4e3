import { ask, startPostgresServer } from '../postgres-server.ts';
import { findServer } from '../toolchain.mjs';

export interface BenchDatabaseServer {
  /** The address of an empty database. */
  url: string;
  stop(): Promise<void>;
}

/** An empty database: on the server that the environment names, or on one of the benchmark's own. */
export async function openDatabaseServer(): Promise<BenchDatabaseServer> {
  const given = process.env['DATABASE_URL'] ?? process.env['TEST_DATABASE_URL'];
  if (given === undefined) return startOwn();
  // What is there stays as it is: the benchmark has a database of its own beside it.
  const name = `mission_bench_${process.pid}`;
  await ask(given, `create database ${name}`);
  const url = new URL(given);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    async stop() {
      await ask(given, `drop database ${name} with (force)`);
    },
  };
}

/** With its settings out of the box, so that the figure is one that users see. */
async function startOwn(): Promise<BenchDatabaseServer> {
  const server = await startPostgresServer({ postgres: await findServer('postgres', () => undefined) });
  return {
    url: server.url,
    async stop() {
      await server.end('SIGINT');
      await server.remove();
    },
  };
}
