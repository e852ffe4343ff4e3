import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Roster } from '../../schema/contracts/roster.ts';
import { temporaryFolder } from '../../test/support/temporary.ts';
import { createAgents } from './agents.ts';
import { runtimes } from './runtimes/runtimes.ts';

it('a session runs the program that the roster’s PATH has, before one that is found elsewhere', async () => {
  const root = await temporaryFolder();
  for (const folder of ['own', 'bin']) {
    await mkdir(join(root, folder));
    await writeFile(join(root, folder, 'codex'), '#!/bin/sh\n', { mode: 0o755 });
  }
  const roster = Roster.parse({ version: 1, runtimes: { codex: { env: { PATH: join(root, 'own') } } } });
  const agents = createAgents({ runtimes, roster, environment: { PATH: join(root, 'bin'), HOME: root } });
  expect((await agents.find('codex'))?.program).toBe(join(root, 'own/codex'));
  expect(await agents.path('codex')).toBe(`${root}/own:${root}/bin`);
  expect(await agents.path('claude')).toBe(join(root, 'bin'));
});
