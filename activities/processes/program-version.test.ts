import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary.ts';
import { createVersions, judgeVersion } from './program-version.ts';

const question = { args: ['--version'], pattern: /(.*)/ };

it('asks each program file once, another file at its place anew, and one that did not answer again', async () => {
  const path = join(await temporaryFolder(), 'agent');
  await writeFile(path, '');
  let asked = 0;
  const answers = [undefined, '1.0.0', '1.1.0'];
  const versions = createVersions(() => Promise.resolve(answers[asked++]));
  expect(await versions(path, question)).toBeUndefined();
  expect(await versions(path, question)).toBe('1.0.0');
  expect(await versions(path, question)).toBe('1.0.0');
  await utimes(path, 1, 1);
  expect(await versions(path, question)).toBe('1.1.0');
  expect(asked).toBe(3);
});

it.each([
  { version: '0.169.0', verdict: 'known' },
  { version: '0.170.2', verdict: 'known' },
  { version: '0.99.0', verdict: 'older' },
  { version: '1.0.0', verdict: 'newer' },
  { version: undefined, verdict: 'untold' },
])('$version is $verdict', ({ version, verdict }) => {
  expect(judgeVersion(version, { from: '0.169.0', before: '1.0.0' }).kind).toBe(verdict);
});
