import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeRepository } from '../../test/support/repository.ts';

it('a git command that fails is told whole, with where it ran and what it said', async () => {
  const { git, planned } = await makeRepository({ 'README.md': 'hi\n' });
  const cwd = planned.address;
  const gone = join(cwd, '..', 'gone.git');
  const args = ['push', '--quiet', gone, 'main:refs/heads/topic'];
  await expect(git.run({ cwd, args })).rejects.toThrow(
    new RegExp(`^git push --quiet ${gone} main:refs/heads/topic in ${cwd} ended with 128: .*gone\\.git`),
  );
});

it('one with hundreds of arguments is told in part', async () => {
  const { git, planned } = await makeRepository({ 'README.md': 'hi\n' });
  const args = [
    'rev-parse',
    '--verify',
    ...Array.from({ length: 500 }, (_, index) => `refs/heads/b${index}`),
  ];
  const failure = git.run({ cwd: planned.address, args });
  await expect(failure).rejects.toThrow(
    /^git rev-parse --verify refs\/heads\/b0 [^…]{1,300}… in .* ended with 128/,
  );
});
