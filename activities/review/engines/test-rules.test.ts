import { describe, expect, it } from 'vitest';
import { untestedFinding } from './test-rules.ts';

describe('a change', () => {
  it.each([
    { name: 'of nothing', files: [] },
    { name: 'of documents', files: ['README.md', 'docs/a.md'] },
    { name: 'of tests alone', files: ['src/a.test.ts'] },
    { name: 'of source and its test', files: ['src/a.ts', 'src/a.test.ts'] },
    { name: 'of source and any test', files: ['src/a.ts', 'src/b.ts', 'test/c.js'] },
  ])('$name is tested', ({ files }) => {
    expect(untestedFinding(files)).toBeUndefined();
  });

  it.each([
    { name: 'of source alone', files: ['src/a.ts'], file: 'src/a.ts' },
    { name: 'of source and documents', files: ['README.md', 'src/a.ts', 'src/b.ts'], file: 'src/a.ts' },
    { name: 'of source and a fixture', files: ['src/a.ts', 'test/fixture.json'], file: 'src/a.ts' },
  ])('$name is untested: a blocker that names the first of them', ({ files, file }) => {
    expect(untestedFinding(files)).toEqual({
      severity: 'blocker',
      category: 'untested',
      file,
      message: `${file} changes and no test does`,
    });
  });
});
