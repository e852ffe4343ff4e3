import { describe, expect, it } from 'vitest';
import { isSource, isTest, untestedFinding } from './test-rules.ts';

describe('a file', () => {
  it.each([
    'src/greet.test.ts',
    'src/greet.spec.tsx',
    'greet.test.mjs',
    'src/greet-test.js',
    'src/greet_test.go',
    'src/greet_spec.rb',
    'tests/test_greet.py',
    'test_greet.py',
    'test/greet.js',
    'packages/a/test/greet.cjs',
    'tests/greet.rs',
    'src/__tests__/greet.jsx',
    'spec/greet_spec.rb',
    'src/test/java/GreetTest.java',
  ])('is a test, and no source: %s', (file) => {
    expect([isTest(file), isSource(file)]).toEqual([true, false]);
  });

  it.each([
    'src/greet.ts',
    'src/greet.d.ts',
    'index.js',
    'greet.py',
    'cmd/main.go',
    'src/lib.rs',
    'src/latest/greet.js',
    'src/contest.ts',
    'src/testing.ts',
    'src/attest/greet.js',
    'src/inspect.js',
    'testdata/greet.go',
  ])('is source, and no test: %s', (file) => {
    expect([isTest(file), isSource(file)]).toEqual([false, true]);
  });

  it.each([
    'README.md',
    'package.json',
    'docs/test/plan.md',
    'test/fixtures/body.txt',
    'src/__snapshots__/greet.test.ts.snap',
    'greet.test.ts.orig',
    'Makefile',
    '.mission/ci.yaml',
    '',
  ])('is neither: %s', (file) => {
    expect([isTest(file), isSource(file)]).toEqual([false, false]);
  });
});

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
