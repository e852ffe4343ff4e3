import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { openPglite } from '../schema/db/pglite.ts';
import { closedPort, postgresThatRefuses, silentPort } from '../test/support/broken-servers.ts';
import { moment } from '../test/support/moment.ts';
import { temporaryFolder } from '../test/support/temporary.ts';
import {
  preflight,
  probeDatabase,
  probeDisk,
  probeGit,
  probeNode,
  probePostgres,
  probeStoppedPglite,
  probeTemporal,
  refuseBroken,
} from './probes.ts';

const secret = 'sesame-open';

function matching(pattern: RegExp): unknown {
  return expect.stringMatching(pattern);
}

describe('the machine', () => {
  it('is well where this test runs', async () => {
    const folder = await temporaryFolder();
    const probed = await preflight({
      data: join(folder, 'not', 'made', 'yet'),
      temporal: inject('temporalAddress'),
      databaseUrl: undefined,
    });
    expect(probed.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'node ok',
      'git ok',
      'disk ok',
      'temporal ok',
    ]);
    expect(() => refuseBroken(probed)).not.toThrow();
  });

  it('has a Node that is too old', async () => {
    expect(await probeNode('20.18.1')).toMatchObject({
      state: 'failed',
      message: matching(/install Node 20\.19/),
    });
  });

  it('has a git that is too old, none at all, or one that hangs', async () => {
    const folder = await temporaryFolder();
    async function program(name: string, text: string): Promise<string> {
      const path = join(folder, name);
      await writeFile(path, `#!/bin/sh\n${text}\n`);
      await chmod(path, 0o755);
      return path;
    }
    const old = await probeGit(await program('old', 'echo git version 2.30.2'));
    expect(old).toEqual({
      name: 'git',
      state: 'failed',
      message: 'git version 2.30.2 was found: install git 2.38 or newer',
    });
    const none = await probeGit(join(folder, 'none'));
    expect(none.message).toBe('it is not there: install git 2.38 or newer');
    const hangs = await probeGit(await program('hangs', 'exec sleep 60'));
    expect(hangs).toMatchObject({ state: 'failed', message: matching(/install git 2\.38/) });
  });

  it('has a disk that is nearly full', async () => {
    const folder = await temporaryFolder();
    const probed = await probeDisk({
      folder,
      readDisk: () => Promise.resolve({ bavail: 1_000, bsize: 4_096 }),
    });
    expect(probed).toEqual({
      name: 'disk',
      state: 'failed',
      message: `0.0 GiB free at ${folder}: free 1 GiB at the least, or choose another folder with --data`,
    });
    expect(() => refuseBroken([probed])).toThrow(`disk: ${probed.message}`);
  });
});

describe('a Temporal server', () => {
  it('is told where nothing listens', async () => {
    const address = `127.0.0.1:${await closedPort()}`;
    expect(await probeTemporal(address)).toEqual({
      name: 'temporal',
      state: 'failed',
      message: `nothing listens there: start a Temporal server at ${address}, or mend --temporal (TEMPORAL_ADDRESS)`,
    });
  });

  it('that accepts and never answers has failed', async () => {
    const address = `127.0.0.1:${await silentPort()}`;
    const probed = await probeTemporal(address);
    expect(probed).toMatchObject({ state: 'failed' });
    expect(probed.message).toContain(`start a Temporal server at ${address}`);
  });
});

describe('a database server', () => {
  it.each([
    { name: 'that is not there', port: closedPort, reason: 'nothing listens there' },
    { name: 'that accepts and never answers', port: silentPort, reason: '' },
    {
      name: 'that refuses the password',
      port: postgresThatRefuses,
      reason: 'refuses the user or the password',
    },
  ])('$name is told by host, port and name, without the password', async ({ port, reason }) => {
    const where = `127.0.0.1:${await port()}/missions`;
    const probed = await probePostgres(`postgres://operator:${secret}@${where}`);
    expect(probed).toHaveLength(1);
    expect(probed[0]).toMatchObject({ name: 'database', state: 'failed' });
    expect(probed[0]?.message).toContain(reason);
    expect(probed[0]?.message).toContain(`start Postgres at ${where}, or mend DATABASE_URL`);
    expect(JSON.stringify(probed)).not.toContain(secret);
  });

  it.each([`host=db password=${secret}`, `postgres://operator:${secret}%@[::1`, `mysql://o:${secret}@h/d`])(
    'whose address is none is refused without its words: %#',
    async (url) => {
      const probed = await probePostgres(url);
      expect(probed).toMatchObject([{ state: 'failed', message: matching(/DATABASE_URL is no address/) }]);
      expect(JSON.stringify(probed)).not.toContain(secret);
    },
  );

  it('without pgvector is told with the remedy', async () => {
    const client = await PGlite.create();
    onTestFinished(() => client.close());
    const ask = async (statement: string): Promise<unknown[]> => (await client.query(statement)).rows;
    const probed = await probeDatabase({ ask, where: 'db:5432/missions', remedy: 'start it' });
    expect(probed).toMatchObject([
      { name: 'database', state: 'ok' },
      {
        name: 'pgvector',
        state: 'failed',
        message: matching(/no extension vector: install pgvector on the server/),
      },
      {
        name: 'migrations',
        state: 'warning',
        message: matching(/the next start applies 0000_spine/),
      },
    ]);
  });
});

describe('an embedded database whose engine is stopped', () => {
  it('is looked at under its lock, and closed again', async () => {
    const folder = await temporaryFolder();
    await (await openPglite(folder)).close();
    const { come: release, came: released } = moment();
    const probed = await probeStoppedPglite({
      folder,
      release: () => Promise.resolve(release()),
      withinMs: 60_000,
    });
    expect(probed.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'database ok',
      'pgvector ok',
      'migrations ok',
    ]);
    await released;
  });
});
