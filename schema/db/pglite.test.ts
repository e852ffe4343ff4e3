import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary.ts';
import { readInstallation } from './database.ts';
import { openPglite } from './pglite.ts';

describe('PGlite in a folder', () => {
  it('keeps what was written, over its end', async () => {
    const folder = join(await temporaryFolder(), 'pglite');
    const first = await openPglite(folder);
    const id = await readInstallation(first.queries);
    await first.close();
    const second = await openPglite(folder);
    expect(await readInstallation(second.queries)).toBe(id);
    await second.close();
  });

  it('is made anew where a first start was killed before it was whole', async () => {
    const root = await temporaryFolder();
    await mkdir(join(root, 'pglite.new'));
    await writeFile(join(root, 'pglite.new/PG_VERSION'), '17\n');
    const database = await openPglite(join(root, 'pglite'));
    expect(await readInstallation(database.queries, 'known')).toBe('known');
    await database.close();
    expect(await readdir(root)).toEqual(['pglite']);
  });
});
