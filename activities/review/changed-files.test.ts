import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeRepository } from '../../test/support/repository.ts';
import { changedInCheckout, describeChanged } from './changed-files.ts';

const head = {
  'README.md': 'hi\n',
  '.gitignore': 'node_modules/\n*.log\n',
  'src/a.js': 'a\n',
};

/** What stands in a checkout of the head when a reviewer has done that to it. */
async function changedBy(
  act: (checkout: string) => unknown,
  { added = true }: { added?: boolean } = {},
): Promise<string[]> {
  const { git, planned, workspace, paths } = await makeRepository(head);
  const headSha = (await workspace.fetchBranch({ repository: planned, branch: 'main' })) ?? '';
  const { folder, repository: checkout } = paths.checkout('m.A.review-one.1');
  await workspace.checkOut({ repository: planned, folder: checkout, sha: headSha });
  await act(checkout);
  const mirror = await workspace.openMirror(planned);
  const index = join(folder, 'judged.index');
  return changedInCheckout({ git, mirror, checkout, headSha, index, added });
}

async function write(checkout: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(checkout, path)), { recursive: true });
    await writeFile(join(checkout, path), text);
  }
}

function git(cwd: string, ...args: string[]): void {
  const who = ['-c', 'user.name=r', '-c', 'user.email=r@example.invalid'];
  execFileSync('git', [...who, ...args], { cwd, stdio: 'ignore' });
}

describe('a reviewer has changed its checkout', () => {
  it.each<{ by: string; act: (checkout: string) => Promise<unknown>; changed: string[] }>([
    { by: 'editing a file', act: (at) => write(at, { 'README.md': 'ho\n' }), changed: ['README.md'] },
    { by: 'deleting a file', act: (at) => rm(join(at, 'src/a.js')), changed: ['src/a.js'] },
    { by: 'adding a file', act: (at) => write(at, { 'src/b.js': 'b\n' }), changed: ['src/b.js'] },
    { by: 'adding a folder', act: (at) => write(at, { 'notes/of/mine.md': 'b\n' }), changed: ['notes/'] },
    {
      by: 'committing what it added',
      act: async (at) => {
        await write(at, { 'src/b.js': 'b\n' });
        git(at, 'add', '--all');
        git(at, 'commit', '--quiet', '--message', 'Mine');
      },
      changed: ['src/b.js'],
    },
    {
      by: 'hiding what it added from git by its own settings',
      act: (at) => write(at, { 'src/b.js': 'b\n', '.git/info/exclude': '*\n' }),
      changed: ['src/b.js'],
    },
    {
      by: 'hiding what it added from git by a rule that hides itself',
      act: (at) => write(at, { 'src/b.js': 'b\n', 'src/.gitignore': '*\n' }),
      changed: ['src/.gitignore'],
    },
    {
      by: 'a repository of its own within',
      act: async (at) => {
        await mkdir(join(at, 'sub'));
        git(join(at, 'sub'), 'init', '--quiet');
      },
      changed: ['sub/'],
    },
  ])('by $by', async ({ act, changed }) => {
    expect(await changedBy(act)).toEqual(changed);
  });

  it.each<{ by: string; act: (checkout: string) => Promise<unknown> }>([
    { by: 'reading', act: () => Promise.resolve() },
    {
      by: 'what the head has git ignore',
      act: (at) =>
        write(at, { 'node_modules/x/.gitignore': '!*\n', 'node_modules/x/i.js': 'x', 'a.log': 'x' }),
    },
    {
      by: 'a cache that ignores itself',
      act: (at) => write(at, { '.cache/.gitignore': '*\n', '.cache/v/x': 'x' }),
    },
    {
      by: 'a commit that it took back',
      act: async (at) => {
        git(at, 'commit', '--quiet', '--allow-empty', '--message', 'Mine');
        await write(at, { 'README.md': 'ho\n' });
        git(at, 'commit', '--quiet', '--all', '--message', 'Mine');
        git(at, 'reset', '--quiet', '--hard', 'HEAD~2');
      },
    },
  ])('not by $by', async ({ act }) => {
    expect(await changedBy(act)).toEqual([]);
  });

  it('by no file that is new, where those don’t count', async () => {
    const act = (at: string) => write(at, { 'coverage/x': 'x', 'README.md': 'ho\n' });
    expect(await changedBy(act, { added: false })).toEqual(['README.md']);
  });
});

it('of many files some are named', () => {
  expect(describeChanged(['a', 'b'])).toBe('a, b');
  expect(describeChanged(['a', 'b', 'c', 'd', 'e', 'f', 'g'])).toBe('a, b, c, d, e and 2 more');
});
