import { describe, expect, it } from 'vitest';
import { isSource, isTest } from './test-files.ts';

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
