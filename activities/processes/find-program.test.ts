import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary.ts';
import { createFindProgram, pathFor } from './find-program.ts';

/** A machine with these programs, by path, and a PATH of `bin` alone. */
async function machine(programs: Record<string, string>): Promise<{ root: string; environment: object }> {
  const root = await temporaryFolder();
  for (const [path, text] of Object.entries(programs)) {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text.replace('ROOT', root));
    await chmod(file, 0o755);
  }
  return { root, environment: { PATH: join(root, 'bin'), HOME: join(root, 'home') } };
}

const npm = '#!/bin/sh\n[ "$*" = "prefix --global" ] && echo ROOT/prefix\n';

describe('a program of an agent is found', () => {
  it.each([
    { where: 'on PATH', path: 'bin/pi' },
    { where: 'in the folder of npm that people make for themselves', path: 'home/.npm-global/bin/pi' },
    { where: 'in the folder of installers', path: 'home/.local/bin/pi' },
    { where: 'at npm’s prefix', path: 'prefix/bin/pi' },
  ])('$where', async ({ path }) => {
    const { root, environment } = await machine({ [path]: '#!/bin/sh\n', 'bin/npm': npm });
    expect(await createFindProgram({ ...environment })('pi')).toBe(join(root, path));
  });

  it('where PATH has it, before all others', async () => {
    const { root, environment } = await machine({
      'bin/pi': '#!/bin/sh\n',
      'home/.local/bin/pi': '#!/bin/sh\n',
    });
    expect(await createFindProgram({ ...environment })('pi')).toBe(join(root, 'bin/pi'));
  });

  it.each([
    { why: 'there is none', programs: { 'bin/npm': npm } },
    {
      why: 'npm fails',
      programs: { 'bin/npm': '#!/bin/sh\necho ROOT/prefix\nexit 1\n', 'prefix/bin/pi': '' },
    },
    { why: 'there is no npm to ask', programs: { 'prefix/bin/pi': '' } },
    { why: 'it is a folder', programs: { 'bin/pi/readme': '' } },
  ])('nowhere when $why', async ({ programs }) => {
    const { environment } = await machine(programs);
    expect(await createFindProgram({ ...environment })('pi')).toBeUndefined();
  });
});

describe('the PATH of a runtime', () => {
  it('searches the places that are there, its runtime’s own first', async () => {
    const root = await temporaryFolder();
    for (const name of ['own', 'bin', 'npm']) await mkdir(join(root, name));
    const at = (...names: string[]): string => names.map((name) => join(root, name)).join(':');
    const path = await pathFor({ own: at('own', 'npm'), searched: at('bin', 'gone', 'npm') });
    expect(path).toBe(at('own', 'npm', 'bin'));
  });
});
