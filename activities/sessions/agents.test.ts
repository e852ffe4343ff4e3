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
  const roster = Roster.parse({
    version: 1,
    runtimes: { codex: { env: { PATH: join(root, 'own') } } },
    acp: { qwen: { command: ['qwen', '--acp'] } },
  });
  for (const program of ['claude', 'qwen']) {
    await writeFile(join(root, 'bin', program), '#!/bin/sh\n', { mode: 0o755 });
  }
  const environment = { PATH: join(root, 'bin'), HOME: root };
  const agents = createAgents({ runtimes, roster, acpClient: '/acp-client.js', environment });
  expect(await agents.find({ runtime: 'codex' })).toMatchObject({
    agent: { program: join(root, 'own/codex'), path: `${root}/own:${root}/bin` },
  });
  expect(await agents.find({ runtime: 'claude' })).toMatchObject({ agent: { path: join(root, 'bin') } });
  expect(await agents.find({ runtime: 'acp', agent: 'qwen' })).toMatchObject({
    agent: { program: join(root, 'bin/qwen'), settings: { account: 'qwen' } },
  });
  expect(await agents.find({ runtime: 'acp', agent: 'gemini' })).toEqual({
    kind: 'absent',
    message: 'acp:gemini is not in the roster of this host',
  });
});
