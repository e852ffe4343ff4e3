import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary.ts';
import { Roster } from '../../schema/contracts/roster.ts';
import { dataPaths } from '../data-paths.ts';
import type { Processes, RunEnd } from '../processes/supervise.ts';
import { createAgents } from './agents.ts';
import { createRoom } from './room.ts';
import { runtimes } from './runtimes/runtimes.ts';
import { createSessionRuns, type Session } from './session-runs.ts';

/** A session on a full disk: its folder takes no note, and its runner, once stopped, leaves no result. */
async function makeSession(megabytes: number) {
  const paths = dataPaths(await temporaryFolder());
  const { clone: cwd, home } = paths.task({ mission: 'm', task: 'A' });
  await mkdir(cwd, { recursive: true });
  await writeFile(join(cwd, 'wild'), Buffer.alloc(megabytes * 1024 ** 2, 1));
  let end: (how: RunEnd) => void = () => undefined;
  const ended = new Promise<RunEnd>((resolve) => (end = resolve));
  const lose = () => Promise.resolve(end({ kind: 'lost' }));
  const processes: Processes = { heartbeatMs: 1, maxOutputBytes: 1, supervise: () => ended, stop: lose };
  const agents = createAgents({ runtimes, roster: Roster.parse({ version: 1 }), acpClient: '' });
  const room = createRoom({ root: paths.root, freeGigabytes: 0, sessionGigabytes: 1 / 1024, everyMs: 10 });
  const tellQuestion = () => Promise.resolve();
  const runs = createSessionRuns({ paths, processes, agents, tellQuestion, scrub: (text) => text, room });
  const session: Session = {
    ...{ sessionId: 'm.A.author.1', host: 'local', timeoutSeconds: 60, role: 'author', runtime: 'script' },
    ...{ cwd, home, env: {}, prepare: () => Promise.resolve({}) },
  };
  const watch = { detach: new AbortController().signal, stopAsked: () => false };
  return { lose, summary: () => runs.run(session, { argv: ['true'] }, watch) };
}

it('a session that was ended for its size says so where the disk takes no note of it', async () => {
  const { summary } = await makeSession(2);
  const ended = await summary();
  expect(ended.end).toBe('disk');
  expect(ended.reason).toMatch(/^its clone and its home took 0\.00 GiB; 0\.00\d* GiB are the most$/);
});

it('a session that was lost, and was not too large, is lost', async () => {
  const { summary, lose } = await makeSession(0);
  const running = summary();
  await lose();
  expect((await running).end).toBe('lost');
});
