import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {} from 'vitest';
import type { TestProject } from 'vitest/node';
import { Connection } from '@temporalio/client';
import { build } from '../../scripts/build.mjs';
import { findServer } from '../../scripts/toolchain.mjs';
import { prepareNamespace } from '../../workers/temporal-namespace.ts';
import { startDevServer } from '../../workers/temporal-server.ts';
import { ownTmuxFolder } from './tmux-folder.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** One real Temporal server for all tests; each of them takes an installation id of its own. */
    temporalAddress: string;
    /** The time-skipping server's program; undefined where it can't be had. */
    testServer: string | undefined;
    /** The program `postgres`; undefined where it can't be had. */
    postgres: string | undefined;
    /** The program `gitea`; undefined where it can't be had. */
    gitea: string | undefined;
    /** The program `buildbot`; undefined where it can't be had. */
    buildbot: string | undefined;
    /** A Postgres server that was given. */
    databaseUrl: string | undefined;
  }
}

/** Builds the programs and starts one real Temporal server for the run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await build();
  const endTmux = await ownTmuxFolder();
  project.provide('testServer', process.env['MISSION_TEST_SERVER']);
  project.provide('postgres', process.env['MISSION_TEST_POSTGRES']);
  project.provide('gitea', process.env['MISSION_TEST_GITEA']);
  project.provide('buildbot', process.env['MISSION_TEST_BUILDBOT']);
  project.provide('databaseUrl', process.env['TEST_DATABASE_URL']);
  const given = process.env['TEMPORAL_ADDRESS'];
  if (given) {
    await register(given, false);
    project.provide('temporalAddress', given);
    return endTmux;
  }
  const root = await mkdtemp(join(tmpdir(), 'mission-tests-'));
  const server = await startDevServer({
    root,
    namespace: 'default',
    command: () => Promise.resolve(process.env['MISSION_TEMPORAL_CLI'] ?? findServer('cli')),
    onRestart: () => undefined,
  });
  await register(server.address, true);
  project.provide('temporalAddress', server.address);
  return async () => {
    await endTmux();
    await server.stop();
    await rm(root, { recursive: true, force: true });
  };
}

async function register(address: string, ours: boolean): Promise<void> {
  const connection = await Connection.connect({ address });
  await prepareNamespace({ connection, namespace: 'default', ours });
  await connection.close();
}
