/** An engine that can't work does not come up: it says why, in one line, and ends. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { describe, expect, inject, it } from 'vitest';
import { openPglite } from '../../schema/db/pglite.ts';
import { closedPort, postgresThatRefuses, silentPort } from '../support/broken-servers.ts';
import { runMission } from '../support/mission-command.ts';
import { temporaryFolder } from '../support/temporary.ts';

const secret = 'sesame-open';

describe('start-up', () => {
  it.each([
    { name: 'a database that is not there', port: closedPort, says: 'nothing listens there' },
    { name: 'a database that never answers', port: silentPort, says: 'database: ' },
    { name: 'a wrong password', port: postgresThatRefuses, says: 'it refuses the user or the password' },
  ])('refuses $name, of engine and worker', async ({ port, says }) => {
    const where = `127.0.0.1:${await port()}/missions`;
    const env = { DATABASE_URL: `postgres://operator:${secret}@${where}` };
    for (const command of ['up', 'worker']) {
      const data = await temporaryFolder();
      const args = [command, '--data', data, '--temporal', inject('temporalAddress')];
      const { code, stdout, stderr } = await runMission(args, { env });
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(/^error: [^\n]*\n$/);
      expect(stderr).toContain(says);
      expect(stderr).toContain(`start Postgres at ${where}, or mend DATABASE_URL`);
      expect(stderr).not.toContain(secret);
    }
  });

  it.each([
    { name: 'is not there', port: closedPort },
    { name: 'accepts and never answers', port: silentPort },
  ])('refuses a Temporal server that $name', async ({ port }) => {
    const address = `127.0.0.1:${await port()}`;
    const { code, stderr } = await runMission([
      'up',
      '--data',
      await temporaryFolder(),
      '--temporal',
      address,
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: temporal: [^\n]*\n$/);
    expect(stderr).toContain(`start a Temporal server at ${address}, or mend --temporal`);
  });

  it('refuses a database of a newer version', async () => {
    const data = await temporaryFolder();
    const folder = join(data, 'pglite');
    await mkdir(folder);
    await (await openPglite(folder)).close();
    const client = new PGlite(folder);
    await client.query(
      `insert into drizzle.__drizzle_migrations (hash, created_at) values ('of tomorrow', 9e15)`,
    );
    await client.close();
    const args = ['--data', data, '--temporal', inject('temporalAddress')];
    const { code, stderr } = await runMission(['up', ...args]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: the database can not be used: [^\n]*: run the version that made them[^\n]*\n$/,
    );
  });
});
