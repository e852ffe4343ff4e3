import { describe, expect, it } from 'vitest';
import { isIgnored, parsePipeline } from './pipeline-file.ts';

function messageOf(text: string): string {
  const parsed = parsePipeline(text);
  if (parsed.kind !== 'invalid') throw new Error('it was taken for a pipeline');
  return parsed.message;
}

const step = 'version: 1\nsteps: [{name: test, run: npm test}]\n';

describe('a pipeline file', () => {
  it('needs a step with a name and a command', () => {
    expect(parsePipeline(step)).toEqual({
      kind: 'pipeline',
      file: {
        version: 1,
        steps: [{ name: 'test', run: 'npm test', timeoutSeconds: 900 }],
        ignorePaths: [],
      },
    });
  });

  it('says which paths it leaves out, and how long a step may take', () => {
    const text = [
      'version: 1',
      'ignorePaths: [docs/, README.md]',
      'steps:',
      '  - name: unit tests',
      '    timeoutSeconds: 60',
      '    run: |',
      '      npm ci',
      '      npm test',
    ].join('\n');
    expect(parsePipeline(text)).toEqual({
      kind: 'pipeline',
      file: {
        version: 1,
        steps: [{ name: 'unit tests', run: 'npm ci\nnpm test\n', timeoutSeconds: 60 }],
        ignorePaths: ['docs/', 'README.md'],
      },
    });
  });

  it('may be JSON, and may use an alias', () => {
    expect(parsePipeline('{"version": 1, "steps": [{"name": "a", "run": "true"}]}').kind).toBe('pipeline');
    const text = 'version: 1\nsteps:\n  - {name: a, run: &run npm test}\n  - {name: b, run: *run}\n';
    expect(parsePipeline(text)).toMatchObject({
      file: { steps: [{ run: 'npm test' }, { run: 'npm test' }] },
    });
  });

  it.each([
    { name: 'is empty', text: '' },
    { name: 'is a comment', text: '# later\n' },
    { name: 'is a list', text: '- test\n' },
    { name: 'is no YAML', text: 'steps: [\n' },
    { name: 'uses tabs', text: 'version: 1\nsteps:\n\t- name: a\n' },
    { name: 'has two documents', text: `${step}---\n${step}` },
    { name: 'says a thing twice', text: `${step}version: 1\n` },
    { name: 'has an alias to nothing', text: 'version: 1\nsteps: *steps\n' },
    { name: 'has another version', text: step.replace('1', '2') },
    { name: 'has no version', text: 'steps: [{name: test, run: npm test}]\n' },
    { name: 'has no step', text: 'version: 1\nsteps: []\n' },
    { name: 'has a step without a command', text: 'version: 1\nsteps: [{name: test}]\n' },
    { name: 'has an empty command', text: "version: 1\nsteps: [{name: test, run: ''}]\n" },
    { name: 'has a key that nobody knows', text: `${step}on: push\n` },
    {
      name: 'has a key in a step that nobody knows',
      text: 'version: 1\nsteps: [{name: test, run: a, if: b}]\n',
    },
    { name: 'has a step name with a line end', text: 'version: 1\nsteps: [{name: "a\\n", run: b}]\n' },
    { name: 'has a step name that leads elsewhere', text: 'version: 1\nsteps: [{name: ../a, run: b}]\n' },
    {
      name: 'has a step that may take no time',
      text: 'version: 1\nsteps: [{name: a, run: b, timeoutSeconds: 0}]\n',
    },
    { name: 'leaves out everything by an empty path', text: `${step}ignorePaths: ['']\n` },
    {
      name: 'has 21 steps',
      text: `version: 1\nsteps:\n${'  - {name: a, run: b}\n'.repeat(21)}`,
    },
  ])('is invalid when it $name, and says which file is meant', ({ text }) => {
    expect(messageOf(text)).toMatch(/^\.mission\/ci\.yaml: ./);
  });

  it('whose aliases explode is invalid, and is not unfolded', () => {
    // Each line has nine of the one before: nine lines would come to 9^9 values.
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let index = 1; index < 9; index++) {
      const nine = Array.from({ length: 9 }, () => `*a${index - 1}`).join(', ');
      lines.push(`a${index}: &a${index} [${nine}]`);
    }
    expect(messageOf(lines.join('\n'))).toContain('Excessive alias count');
  });
});

describe('a change', () => {
  const ignorePaths = ['docs/', 'README.md'];

  it.each([
    { files: ['README.md'], ignored: true },
    { files: ['docs/a.md'], ignored: true },
    { files: ['docs/deep/a.js', 'README.md'], ignored: true },
    { files: ['README.md', 'src/a.js'], ignored: false },
    { files: ['src/README.md'], ignored: false },
    { files: ['src/docs/a.md'], ignored: false },
    { files: ['docs'], ignored: false },
    { files: ['docs.js'], ignored: false },
    { files: ['README.md.js'], ignored: false },
    { files: ['readme.md'], ignored: false },
    // A change of no file at all is an odd thing: it is tested.
    { files: [], ignored: false },
  ])('of $files is left out: $ignored', ({ files, ignored }) => {
    expect(isIgnored(files, ignorePaths)).toBe(ignored);
  });

  it.each([
    { name: 'no paths', paths: [] },
    { name: 'a slash alone', paths: ['/'] },
    { name: 'patterns, which are not used', paths: ['*', '**', '*.md'] },
  ])('is not left out by $name', ({ paths }) => {
    expect(isIgnored(['README.md'], paths)).toBe(false);
  });
});
