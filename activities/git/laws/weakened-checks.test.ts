import { describe, expect, it } from 'vitest';
import type { FileChange } from '../file-changes.ts';
import { weakenedChecks } from './weakened-checks.ts';

function edit(file: string, removed: string[], added: string[], to: string | null = file): FileChange {
  const lines = (texts: string[]) => texts.map((text, index) => ({ line: index + 1, text }));
  return { from: file, to, removed: lines(removed), added: lines(added) };
}

function ofChanges(...changes: FileChange[]): string[] {
  return weakenedChecks({ changes, manifests: [] }).map(({ message }) => message);
}

function ofScripts(before: Record<string, string>, after: Record<string, string> | undefined): string[] {
  const text = (scripts: Record<string, string> | undefined) => scripts && JSON.stringify({ scripts });
  const manifests = [{ file: 'package.json', before: text(before), after: text(after) }];
  return weakenedChecks({ changes: [], manifests }).map(({ message }) => message);
}

describe('a script of package.json', () => {
  it.each([
    { name: 'gone', before: 'vitest run', after: undefined, says: 'is gone' },
    { name: 'muted', before: 'vitest run', after: 'vitest run || true', says: 'is green whatever' },
    { name: 'muted otherwise', before: 'vitest run', after: 'vitest run; exit 0', says: 'is green whatever' },
    {
      name: 'green without tests',
      before: 'jest',
      after: 'jest --passWithNoTests',
      says: 'is green whatever',
    },
    { name: 'empty', before: 'vitest run', after: 'echo fine', says: 'checks nothing any more' },
    { name: 'true', before: 'vitest run', after: 'true', says: 'checks nothing any more' },
    { name: 'shorter', before: 'eslint . && vitest run', after: 'vitest run', says: 'runs fewer commands' },
  ])('is weakened: $name', ({ before, after, says }) => {
    for (const script of ['test', 'lint', 'test:unit', 'pretest', 'ci']) {
      const now = after === undefined ? {} : { [script]: after };
      expect(ofScripts({ [script]: before }, now)).toEqual([
        expect.stringContaining(`the script ${script} of package.json ${says}`),
      ]);
    }
  });

  it.each([
    { name: 'another tool', before: { test: 'jest' }, after: { test: 'vitest run' } },
    { name: 'more', before: { test: 'vitest run' }, after: { test: 'eslint . && vitest run' } },
    { name: 'another name', before: { 'test:all': 'vitest' }, after: { 'test:every': 'vitest' } },
    { name: 'nothing before', before: { test: 'echo no tests' }, after: { test: 'echo none' } },
    { name: 'no check', before: { build: 'tsc && node pack.js', start: 'x' }, after: { build: 'tsc' } },
  ])('is not: $name', ({ before, after }) => {
    expect(ofScripts(before, after)).toEqual([]);
  });

  it('is gone with its file', () => {
    expect(ofScripts({ test: 'vitest run' }, undefined)).toHaveLength(1);
  });
});

describe('a pipeline', () => {
  const file = '.github/workflows/test.yaml';

  it.each([
    { name: 'a step fewer', removed: ['      - run: npm test'], added: [] },
    {
      name: 'a step that is a comment',
      removed: ['      - run: npm test'],
      added: ['      # - run: npm test'],
    },
    { name: 'a line of a longer step', removed: ['          npm run lint'], added: [] },
    { name: 'a version fewer to test on', removed: ['          - 20'], added: [] },
    { name: 'a muted command', removed: ['- run: npm test'], added: ['- run: npm test || true'] },
    { name: 'a step that may fail', removed: [], added: ['        continue-on-error: true'] },
    { name: 'a step that never runs', removed: [], added: ['        if: false'] },
  ])('is weakened: $name', ({ removed, added }) => {
    expect(ofChanges(edit(file, removed, added))).toHaveLength(1);
  });

  it.each([
    '.gitea/workflows/ci.yml',
    '.forgejo/workflows/ci.yml',
    '.gitlab-ci.yml',
    '.woodpecker/test.yaml',
    '.woodpecker.yml',
    '.ci/steps.yaml',
    '.husky/pre-commit',
  ])('is weakened when it is deleted: %s', (name) => {
    expect(ofChanges(edit(name, ['- npm test'], [], null))).toEqual([`${name} is deleted`]);
  });

  it('is not by a newer step, by more of them, by one that was moved, or by a new name', () => {
    const step = '      - run: npm test';
    expect(ofChanges(edit(file, ['- uses: actions/checkout@v3'], ['- uses: actions/checkout@v4']))).toEqual(
      [],
    );
    expect(ofChanges(edit(file, [], [step]))).toEqual([]);
    expect(ofChanges(edit(file, [step], []), edit('.github/workflows/other.yaml', [], [step]))).toEqual([]);
    expect(ofChanges(edit(file, [], [], '.github/workflows/checks.yaml'))).toEqual([]);
    expect(ofChanges(edit(file, ['name: Tests'], ['name: All']))).toEqual([]);
  });

  it('of the engine is none of these: it counts as it is on the base', () => {
    expect(ofChanges(edit('.mission/ci.yaml', ['- {name: test, run: npm test}'], []))).toEqual([]);
  });

  it('is not what a program of the repository does', () => {
    expect(ofChanges(edit('scripts/clean.sh', [], ['rm -r out || true']))).toEqual([]);
  });
});

describe('the coverage that is asked for', () => {
  it.each([
    { file: 'vitest.config.ts', removed: '    lines: 90,', added: '    lines: 80,' },
    { file: 'package.json', removed: '"branches": 90', added: '"branches": 12.5' },
    { file: '.coveragerc', removed: 'fail_under = 90', added: 'fail_under = 0' },
    { file: 'setup.cfg', removed: 'addopts = --cov-fail-under=90', added: 'addopts = -q' },
    { file: 'codecov.yml', removed: '        target: 90%', added: '        target: 50%' },
  ])('is lowered in $file', ({ file, removed, added }) => {
    expect(ofChanges(edit(file, [removed], [added]))).toHaveLength(1);
  });

  it('may rise, and is asked for in settings only', () => {
    expect(ofChanges(edit('vitest.config.ts', ['lines: 80,'], ['lines: 90,']))).toEqual([]);
    expect(ofChanges(edit('src/poem.ts', ['lines: 90,'], ['lines: 80,']))).toEqual([]);
  });
});
