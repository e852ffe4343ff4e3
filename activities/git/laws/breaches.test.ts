import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Breach } from '../../../schema/contracts/law.ts';
import { makeRepository, type TestRepository } from '../../../test/support/repository.ts';
import { breachesOf } from './breaches.ts';

/** Put together here, so that no scanner takes this file for a leak. */
const secret = 's' + 'k-' + 'aB3'.repeat(16);

const test = 'it("a", () => {\n  expect(a()).toBe(1);\n  expect(a()).not.toBe(2);\n});\n';

/** What the work on a branch breaks, as the engine sees it. */
async function breachesOn(repository: TestRepository, branch: string): Promise<Breach[]> {
  const { git, workspace, planned } = repository;
  const fetched = async (name: string) =>
    (await workspace.fetchBranch({ repository: planned, branch: name })) ?? '';
  const [baseSha, headSha] = [await fetched('main'), await fetched(branch)];
  const cwd = await workspace.openMirror(planned);
  const { stdout } = await git.run({ cwd, args: ['merge-base', baseSha, headSha] });
  return breachesOf(git, { cwd, baseSha, headSha, forkedAt: stdout.trim() });
}

describe('a secret', () => {
  it('is found in each commit that would be pushed, though a later one takes it away', async () => {
    const repository = await makeRepository({ 'README.md': 'hi\n' });
    const leak = await repository.commit({ branch: 'work', files: { 'a.txt': `one\nkey=${secret}\n` } });
    await repository.commit({ branch: 'work', from: leak, files: { 'a.txt': 'one\n' } });
    const found = await breachesOn(repository, 'work');
    expect(found).toEqual([
      { law: 'secret', sha: leak, file: 'a.txt', line: 2, message: 'a.txt has what looks like an API key' },
    ]);
    expect(JSON.stringify(found)).not.toContain(secret);
  });

  it('is found in what a merge has slipped in, in a binary file, and in a message; not on the base', async () => {
    const repository = await makeRepository({ 'README.md': `${secret}\n`, '.gitattributes': '* -diff\n' });
    const { git, planned } = repository;
    await repository.commit({ branch: 'work', files: { 'bin.dat': `\0\n${secret}\n` } });
    await repository.commit({ branch: 'other', files: { 'b.txt': 'b\n' } });
    await repository.commit({ branch: 'main', files: { 'c.txt': `${secret}\n` } });
    await repository.merge({ branch: 'work', other: 'origin/main' });
    const clone = join(planned.address, '..', 'somebody');
    const run = (...args: string[]) => git.run({ cwd: clone, args });
    await run('merge', '--quiet', '--no-commit', '--no-ff', 'origin/other');
    await run('rm', '--quiet', 'bin.dat');
    await git
      .run({ cwd: clone, args: ['hash-object', '-w', '--stdin'], input: `evil ${secret}\n` })
      .then(({ stdout }) => run('update-index', '--add', '--cacheinfo', `100644,${stdout.trim()},evil.txt`));
    await run('commit', '--quiet', '--message', `Merge\n\nwith ${secret}`);
    await run('push', '--quiet', 'origin', 'work');
    const found = await breachesOn(repository, 'work');
    expect(found.map(({ file }) => file).toSorted()).toEqual(['bin.dat', 'evil.txt', 'the commit message']);
  });

  it('is not looked for in what is too large: that counts as a breach itself', async () => {
    const repository = await makeRepository({ 'README.md': 'hi\n' });
    const files = { 'huge.bin': 'x'.repeat(9 * 1024 * 1024), 'a.txt': secret };
    const headSha = await repository.commit({ branch: 'work', files });
    const message = 'huge.bin is too large to be looked through for secrets';
    expect(await breachesOn(repository, 'work')).toMatchObject([
      { law: 'secret', sha: headSha, file: 'a.txt' },
      { law: 'secret', sha: headSha, file: 'huge.bin', message },
    ]);
  });

  it('is told fifty times at the most, and that there are more', async () => {
    const repository = await makeRepository({ 'README.md': 'hi\n' });
    const files = { 'a.txt': `${secret}\n`.repeat(50), 'b.txt': `${secret}\n`.repeat(3) };
    const headSha = await repository.commit({ branch: 'work', files });
    const found = await breachesOn(repository, 'work');
    expect(found.slice(0, 50).every(({ file }) => file === 'a.txt')).toBe(true);
    const message = '3 more are not told here, the first of them in b.txt';
    expect(found.slice(50)).toEqual([{ law: 'secret', sha: headSha, file: 'b.txt', line: 1, message }]);
  });

  it('that the base has already, in a file that is renamed, is none of the change', async () => {
    const repository = await makeRepository({ 'a.txt': `${secret}\n` });
    await repository.commit({ branch: 'work', files: { 'a.txt': null, 'b.txt': `${secret}\n` } });
    expect(await breachesOn(repository, 'work')).toEqual([]);
  });

  it('is not hidden by lines that look like the beginning of a commit or of a file', async () => {
    const repository = await makeRepository({ 'README.md': 'hi\n' });
    const trick = `x\rcommit ${'a'.repeat(40)}\u2028commit ${'b'.repeat(40)}\n\ndiff --git a/x b/x\n${secret}\n`;
    const sha = await repository.commit({ branch: 'work', files: { 'a.txt': trick } });
    expect(await breachesOn(repository, 'work')).toMatchObject([{ sha, file: 'a.txt', line: 4 }]);
  });
});

describe('checks and tests', () => {
  it('may be renamed, and may not be fewer', async () => {
    const repository = await makeRepository({
      'a.test.ts': test,
      'b.test.ts': test.replaceAll('a()', 'b()'),
      'package.json': '{"scripts":{"test":"eslint . && vitest run"}}',
      '.github/workflows/test.yaml':
        'jobs:\n  test:\n    steps:\n      - run: npm ci\n      - run: npm test\n',
    });
    await repository.commit({ branch: 'kept', files: { 'a.test.ts': null, 'src/a.test.ts': test } });
    expect(await breachesOn(repository, 'kept')).toEqual([]);

    const sha = await repository.commit({
      branch: 'weakened',
      files: {
        'a.test.ts': test.replace(/.*not.*\n/, ''),
        'b.test.ts': null,
        'package.json': '{"scripts":{"test":"vitest run"}}',
        '.github/workflows/test.yaml': 'jobs:\n  test:\n    steps:\n      - run: npm ci\n',
      },
    });
    const found = await breachesOn(repository, 'weakened');
    expect(found.every((breach) => breach.law === 'weakened-checks' && breach.sha === sha)).toBe(true);
    expect(found.map(({ message }) => message)).toEqual([
      'a.test.ts has 1 fewer assertions or tests than before',
      'the test file b.test.ts is deleted',
      '.github/workflows/test.yaml runs 1 fewer steps',
      'the script test of package.json runs fewer commands',
    ]);
  });

  it('are looked through in time, however long a line is, and whatever a folder is called', async () => {
    const scripts = (test: string) => JSON.stringify({ scripts: { test } });
    const folder = 'p\u00e4 "q"\t';
    const repository = await makeRepository({ [`${folder}/package.json`]: scripts('vitest run') });
    // A pattern that takes the square of a line's length is still at it when the test has to end.
    const long = ['test.', '|| ', 'lines ', '#[cfg_attr(', 'expect(', '; ', 'sk-'].map((part) =>
      part.repeat(1_000_000 / part.length),
    );
    const spaces = ' '.repeat(1_000_000);
    const text = [...long, `||${spaces}x`, `lines${spaces}x`].join('\n');
    const files = ['a.test.ts', 'tests/a.rs', 'a_test.py', '.github/workflows/a.yaml', 'vitest.config.ts'];
    await repository.commit({
      branch: 'work',
      files: {
        ...Object.fromEntries(files.map((file) => [file, text])),
        [`${folder}/package.json`]: scripts('true'),
      },
    });
    const found = await breachesOn(repository, 'work');
    expect(found.map(({ file }) => file)).toContain(`${folder}/package.json`);
  });

  it('that the base has made fewer meanwhile are none of the change', async () => {
    const repository = await makeRepository({ 'a.test.ts': test });
    await repository.commit({ branch: 'work', files: { 'a.txt': 'a\n' } });
    await repository.commit({ branch: 'main', files: { 'a.test.ts': null } });
    expect(await breachesOn(repository, 'work')).toEqual([]);
    await repository.merge({ branch: 'work', other: 'origin/main' });
    expect(await breachesOn(repository, 'work')).toEqual([]);
  });
});
