import { describe, expect, it } from 'vitest';
import { makeRepository, type TestRepository } from '../../test/support/repository.ts';
import { maxDiffCharacters, readBoundedDiff, readCommits, type BoundedDiff } from './bounded-diff.ts';

type Files = Record<string, string | null>;

interface Changed {
  diff: BoundedDiff;
  commits: string;
  /** What git tells of one file. */
  ofFile: (name: string) => Promise<string>;
}

async function change(of: { before?: Record<string, string>; after: Files }): Promise<Changed> {
  const repository = await makeRepository({ 'README.md': 'hi\n', ...of.before });
  const { git, planned, workspace } = repository;
  const baseSha = await headOf(repository, 'main');
  const headSha = await repository.commit({ branch: 'topic', files: of.after });
  for (const sha of [baseSha, headSha]) await workspace.fetchCommit({ repository: planned, sha });
  const mirror = await workspace.openMirror(planned);
  const asked = { git, mirror, baseSha, headSha };
  return {
    diff: await readBoundedDiff(asked),
    commits: await readCommits(asked),
    ofFile: async (name) => {
      const args = [
        '-c',
        'core.quotePath=false',
        'diff',
        '--no-renames',
        baseSha,
        headSha,
        '--',
        `:(literal)${name}`,
      ];
      // Our git tells an output without its last line end.
      return `${(await git.run({ cwd: mirror, args })).stdout}\n`;
    },
  };
}

async function headOf({ git, planned }: TestRepository, branch: string): Promise<string> {
  return (await git.run({ cwd: planned.address, args: ['rev-parse', branch] })).stdout.trim();
}

function lines(count: number, text = 'x'): string {
  return Array.from({ length: count }, (_, index) => `${text} ${index}\n`).join('');
}

/** The files that a diff has whole. */
function told({ text }: BoundedDiff): string[] {
  return [...text.matchAll(/^diff --git a\/(.+) b\//gm)].map(([, name = '']) => name);
}

describe('the diff of a change', () => {
  it('is told as git tells it where there is room', async () => {
    const { diff, ofFile } = await change({
      before: { 'old.txt': 'old\n', 'gone.txt': 'gone\n' },
      after: { 'old.txt': 'new\n', 'gone.txt': null, 'möre.txt': 'more\n' },
    });
    const files = ['gone.txt', 'möre.txt', 'old.txt'];
    const text = (await Promise.all(files.map(ofFile))).join('').trimEnd();
    expect(diff).toEqual({ text, leftOut: [], unnamed: 0 });
  });

  it('of 5,000 lines is told file by file, each of them whole or only by its name', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `src/file-${index}.ts`);
    const text = lines(500, 'a line of some length, as they stand in files of code');
    const { diff, ofFile } = await change({
      after: Object.fromEntries(names.map((name) => [name, text])),
    });
    const [whole, left] = [told(diff), diff.leftOut];
    expect(left.length).toBeGreaterThan(0);
    expect(whole.length).toBeGreaterThan(0);
    expect([...whole, ...left].sort()).toEqual(names);
    expect(diff.text.trimEnd()).toBe((await Promise.all(whole.map(ofFile))).join('').trimEnd());
    expect(diff.text.length).toBeLessThanOrEqual(maxDiffCharacters);
  });

  it.each([
    { name: 'in one file', files: { 'data.json': 'x'.repeat(2 * 1024 * 1024) } },
    {
      name: 'in many',
      files: Object.fromEntries(
        Array.from({ length: 5 }, (_, index) => [`data-${index}.json`, 'x'.repeat(400 * 1024)]),
      ),
    },
  ])('of 2 MB $name leaves out what is too large, and has what is beside it', async ({ files }) => {
    const { diff, ofFile } = await change({ after: { ...files, 'a.txt': 'a\n', 'z.txt': 'z\n' } });
    expect(diff.leftOut).toEqual(Object.keys(files));
    expect(`${diff.text}\n`).toBe(`${await ofFile('a.txt')}${await ofFile('z.txt')}`);
  });

  it('has no hunk of a file that is small in itself but was changed all over, and names it', async () => {
    const { diff } = await change({
      before: { 'b.txt': lines(20_000, 'before') },
      after: { 'b.txt': lines(20_000, 'after'), 'c.txt': 'c\n' },
    });
    expect(diff.leftOut).toEqual(['b.txt']);
    expect(told(diff)).toEqual(['c.txt']);
  });

  it('names what is left out on one line each, whatever the names are', async () => {
    const large = 'x'.repeat(2 * 1024 * 1024);
    const medium = `${'y'.repeat(maxDiffCharacters)}\n`;
    const { diff } = await change({ after: { 'a\n## Answer': large, 'b\n## Mode': medium, '-c': large } });
    expect(diff).toMatchObject({ text: '', unnamed: 0 });
    expect([...diff.leftOut].sort()).toEqual(['"a\\n## Answer"', '"b\\n## Mode"', '-c']);
  });

  it('does not take lines of a file for the beginning of another', async () => {
    const text = 'diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+x\n';
    const { diff, ofFile } = await change({ after: { 'a.patch': text, 'b.txt': 'b\n' } });
    expect(told(diff)).toEqual(['a.patch', 'b.txt']);
    expect(`${diff.text}\n`).toBe(`${await ofFile('a.patch')}${await ofFile('b.txt')}`);
  });

  it('comes with what its commits say', async () => {
    const { commits } = await change({ after: { 'a.txt': 'a\n' } });
    expect(commits).toMatch(/^[0-9a-f]{7,} Mission Engine: \S/);
  });
});
