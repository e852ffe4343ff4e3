import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeRepository, type TestRepository } from '../../test/support/repository.ts';

const branch = 'mission/demo/A';

/** A task's clone, as a session left it. */
async function startClone(files: Record<string, string>) {
  const repository = await makeRepository(files);
  const { clone } = repository.paths.task({ mission: 'demo', task: 'A' });
  let launch = 0;
  async function prepare(keepUncommitted = true) {
    launch += 1;
    const of = { repository: repository.planned, clone, branch, name: `demo.A.author.${launch}.before` };
    return repository.workspace.prepareClone({ ...of, keepUncommitted });
  }
  async function git(...args: string[]): Promise<string> {
    return (await repository.git.run({ cwd: clone, args })).stdout.trim();
  }
  await prepare();
  return { repository, clone, prepare, git };
}

function strays(repository: TestRepository, clone: string) {
  return repository.workspace.fetchStrays({ repository: repository.planned, clone, branch, name: 'look' });
}

describe('a clone that is made anew', () => {
  it('has the files as an agent that goes on has left them, none of them committed', async () => {
    const { clone, prepare, git } = await startClone({
      'a.txt': 'one\n',
      'b.txt': 'two\n',
      '.gitignore': 'built\n',
    });
    await writeFile(join(clone, 'a.txt'), 'half done\n');
    await writeFile(join(clone, 'new.sh'), 'echo\n');
    await chmod(join(clone, 'new.sh'), 0o755);
    await writeFile(join(clone, 'built'), 'by the build\n');
    await git('add', 'new.sh');
    await rm(join(clone, 'b.txt'));
    await prepare();

    expect((await git('status', '--porcelain')).split('\n').map((line) => line.trim())).toEqual([
      'M a.txt',
      'D b.txt',
      '?? new.sh',
    ]);
    expect(await readFile(join(clone, 'a.txt'), 'utf8')).toBe('half done\n');
    expect((await stat(join(clone, 'new.sh'))).mode & 0o111).not.toBe(0);
  });

  it('has only what was committed where nobody goes on', async () => {
    const { clone, prepare, git } = await startClone({ 'a.txt': 'one\n' });
    await writeFile(join(clone, 'a.txt'), 'half done\n');
    await prepare(false);
    expect(await git('status', '--porcelain')).toBe('');
  });

  it('has only what was committed when the branch has moved on since', async () => {
    const { repository, clone, prepare, git } = await startClone({ 'a.txt': 'one\n' });
    await writeFile(join(clone, 'a.txt'), 'half done\n');
    const theirs = await repository.commit({ branch, files: { 'theirs.txt': 'x\n' } });
    expect(await prepare()).toEqual({ pushed: theirs });
    expect(await git('status', '--porcelain')).toBe('');
    expect(await git('rev-parse', 'HEAD')).toBe(theirs);
  });

  it('has the commits that are on other branches, and on none', async () => {
    const { repository, clone, prepare, git } = await startClone({ 'a.txt': 'one\n' });
    await git('checkout', '--quiet', '-b', 'feature/x');
    await git('commit', '--quiet', '--allow-empty', '--message', 'on another');
    const other = await git('rev-parse', 'HEAD');
    await git('checkout', '--quiet', '--detach', branch);
    await git('commit', '--quiet', '--allow-empty', '--message', 'on none');
    const detached = await git('rev-parse', 'HEAD');

    const name = `detached-${detached.slice(0, 12)}`;
    expect(await strays(repository, clone)).toEqual([
      { name, sha: detached, branch: null },
      { name: 'feature/x', sha: other, branch: 'feature/x' },
    ]);
    await prepare();
    expect(await git('rev-parse', 'feature/x')).toBe(other);
    expect(await git('rev-parse', name)).toBe(detached);
    expect(await git('rev-parse', '--abbrev-ref', 'HEAD')).toBe(branch);
  });

  it('has no other branches where they hold nothing new', async () => {
    const { repository, clone, git } = await startClone({ 'a.txt': 'one\n' });
    await git('branch', 'main', 'origin/main');
    await git('commit', '--quiet', '--allow-empty', '--message', 'on its branch');
    await git('branch', 'same');
    expect(await strays(repository, clone)).toEqual([]);
  });

  it('is made of what is on the forge when the old one can not be read', async () => {
    const { clone, prepare, git } = await startClone({ 'a.txt': 'one\n' });
    await rm(join(clone, '.git', 'objects'), { recursive: true });
    await prepare();
    expect(await git('log', '--format=%s')).toBe('first');
  });
});
