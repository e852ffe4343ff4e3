import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary.ts';
import { createRoom, tooLarge } from './room.ts';

const mebibyte = 1024 ** 2;

async function makeSession() {
  const root = await temporaryFolder();
  const [session, clone, home] = ['session', 'clone', 'home'].map((name) => join(root, name));
  if (!session || !clone || !home) throw new Error('there are three folders');
  for (const folder of [session, clone, home]) await mkdir(folder);
  return { root, session, clone, home };
}

describe('room on a disk', () => {
  it('is missing below what the operator wants free, and that is told in figures', async () => {
    let free = 3 * 1024;
    const readDisk = () => Promise.resolve({ bavail: free, bsize: mebibyte });
    const room = createRoom({ root: '/', freeGigabytes: 2, sessionGigabytes: 1, readDisk });
    expect(await room.missing()).toBeUndefined();
    free = 512;
    expect(await room.missing()).toBe('0.50 GiB are free, 2 GiB are wanted');
  });

  it('ends a session whose clone and home take more together than one may', async () => {
    const { root, session, clone, home } = await makeSession();
    const room = createRoom({ root, freeGigabytes: 0, sessionGigabytes: 4 / 1024, everyMs: 10 });
    await writeFile(join(clone, 'some'), Buffer.alloc(3 * mebibyte, 1));
    let stopped: () => void = () => undefined;
    const run = new Promise<string>((resolve) => (stopped = () => resolve('stopped')));
    const ended = room.limit({
      session,
      folders: [clone, home],
      run,
      stop: () => Promise.resolve(stopped()),
    });
    await mkdir(join(home, 'deep/down'), { recursive: true });
    await writeFile(join(home, 'deep/down/more'), Buffer.alloc(2 * mebibyte, 1));
    expect((await ended).end).toBe('stopped');
    expect(await tooLarge(session)).toMatch(
      /^its clone and its home took 0\.00 GiB; 0\.0039\d* GiB are the most$/,
    );
  });

  it('ends a session whose folder is gone, and one whose first stop has failed, all the same', async () => {
    const { root, session, clone, home } = await makeSession();
    const room = createRoom({ root, freeGigabytes: 0, sessionGigabytes: 1 / 1024, everyMs: 10 });
    await writeFile(join(clone, 'some'), Buffer.alloc(2 * mebibyte, 1));
    await rm(session, { recursive: true });
    let end: (how: string) => void = () => undefined;
    const run = new Promise<string>((resolve) => (end = resolve));
    let asked = 0;
    const stop = () => {
      asked += 1;
      return asked === 1 ? Promise.reject(new Error('not this time')) : Promise.resolve(end('stopped'));
    };
    const ended = await room.limit({ session, folders: [clone, home], run, stop });
    expect(ended.end).toBe('stopped');
    // Told by who has seen it: there is no place for a note.
    expect(ended.tooLarge).toMatch(/^its clone and its home took 0\.00 GiB; /);
    expect(asked).toBe(2);
  });

  it('is left alone by a session that stays below', async () => {
    const { root, session, clone, home } = await makeSession();
    const room = createRoom({ root, freeGigabytes: 0, sessionGigabytes: 1, everyMs: 1 });
    const run = new Promise<string>((resolve) => setTimeout(() => resolve('done'), 50));
    const stop = () => Promise.reject(new Error('it was to be left alone'));
    expect(await room.limit({ session, folders: [clone, home], run, stop })).toEqual({ end: 'done' });
    expect(await tooLarge(session)).toBeUndefined();
  });
});
