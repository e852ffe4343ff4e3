import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary.ts';
import { launchScript, shellWord } from './launch-script.ts';

describe('a word for the shell', () => {
  it.each([
    { what: 'nothing', text: '' },
    { what: 'blanks', text: ' two  words\t' },
    { what: 'quotes of both kinds', text: `it's "so"` },
    { what: 'nothing but quotes', text: `''''` },
    { what: 'what the shell would run', text: '$(touch x) `touch x`; touch x & | > x' },
    { what: 'what the shell would expand', text: '~ * ? ${HOME} $HOME !! {a,b}' },
    { what: 'backslashes', text: String.raw`\ \\ \n \'` },
    { what: 'lines', text: 'one\ntwo\n\n' },
    { what: 'what looks like an option', text: '--' },
    { what: 'signs of other alphabets', text: 'für ’s 花' },
  ])('keeps $what', async ({ text }) => {
    const { stdout } = await execa('sh', ['-c', `printf '%s.' ${shellWord(text)}`]);
    expect(stdout).toBe(`${text}.`);
  });
});

describe('the script of a pane', () => {
  it('gives the program its folder, words and environment, and is gone', async () => {
    const root = await temporaryFolder();
    const cwd = join(root, `it's; $(here)`);
    await mkdir(cwd);
    const path = join(root, "o'launch");
    const program =
      'process.stdout.write(JSON.stringify([process.cwd(), process.argv.slice(1), process.env.KEY]))';
    const argv: [string, ...string[]] = [process.execPath, '-e', program, '--', '$HOME', "a'b", ''];
    await writeFile(path, launchScript({ cwd, argv, env: { KEY: `x'y\n$(z)` } }, path), { mode: 0o600 });
    const { stdout } = await execa('sh', [path]);
    expect(JSON.parse(stdout)).toEqual([cwd, ['$HOME', "a'b", ''], `x'y\n$(z)`]);
    await expect(access(path)).rejects.toThrow('ENOENT');
  });
});
