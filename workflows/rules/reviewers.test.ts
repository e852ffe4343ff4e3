import { describe, expect, it } from 'vitest';
import type { Reviewer } from '../../schema/contracts/mission-file.ts';
import { reviewersOf, watchedPaths } from './reviewers.ts';

const two: Reviewer[] = [{ engine: 'claude' }, { engine: 'codex' }];
const guard: Reviewer = {
  engine: 'guard',
  role: 'security',
  paths: ['src/auth/**', '**/*.pem'],
  labels: ['risky'],
};

function called(of: {
  more?: Reviewer[];
  touched?: string[];
  labels?: string[];
  mends?: boolean;
  read?: string[];
}): string[] {
  const { more = [guard], touched = [], labels = [], mends = false, read = [] } = of;
  const called = reviewersOf({ reviewers: [...two, ...more], touched, labels, mends, read });
  return called.map(({ engine }) => engine);
}

describe('a reviewer with a role', () => {
  it('is not called by what asks for nothing', () => {
    expect(called({})).toEqual(['claude', 'codex']);
    expect(called({ touched: ['docs/**'], labels: ['gpu'] })).toEqual(['claude', 'codex']);
  });

  it.each([
    { by: 'a path', touched: ['**/*.pem'] },
    { by: 'a label', labels: ['risky'] },
    { by: 'both', touched: ['src/auth/**'], labels: ['risky'] },
  ])('comes beside the two when it is called by $by', (of) => {
    expect(called(of)).toEqual(['claude', 'codex', 'guard']);
  });

  it('that names neither reads every change', () => {
    expect(called({ more: [{ engine: 'guard', role: 'security' }] })).toEqual(['claude', 'codex', 'guard']);
  });

  it.each([
    { mends: false, engines: ['claude', 'codex'] },
    { mends: true, engines: ['claude', 'codex', 'cheap'] },
  ])('that verifies fixes is called where there are some: $mends', ({ mends, engines }) => {
    expect(called({ more: [{ engine: 'cheap', role: 'fixes' }], mends })).toEqual(engines);
  });

  it.each<{ role: 'security' | 'fixes'; one: Reviewer }>([
    { role: 'security', one: guard },
    { role: 'fixes', one: { engine: 'guard', role: 'fixes' } },
  ])('that has read this very head stays with it: $role', ({ one }) => {
    expect(called({ more: [one], read: ['guard'] })).toEqual(['claude', 'codex', 'guard']);
  });

  it('that names paths alone is called by no label', () => {
    const more: Reviewer[] = [{ engine: 'guard', role: 'security', paths: ['src/**'] }];
    expect(called({ more, labels: ['src/**'] })).toEqual(['claude', 'codex']);
  });
});

it('a delivery is looked at for each path once', () => {
  const other: Reviewer = { engine: 'other', role: 'security', paths: ['src/auth/**', 'db/**'] };
  expect(watchedPaths([...two, guard, other])).toEqual(['src/auth/**', '**/*.pem', 'db/**']);
  expect(watchedPaths(two)).toEqual([]);
});
