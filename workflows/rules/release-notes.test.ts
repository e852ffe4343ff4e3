import { expect, it } from 'vitest';
import { task } from '../../test/support/plans.ts';
import { releaseNotes } from './release-notes.ts';

const merged = { status: 'merged' as const, mergeSha: 'a'.repeat(40), reason: null };

it('name what was merged, in the order of the plan and with its pull request', () => {
  const milestone = { title: 'Core', tasks: ['A', 'B', 'C', 'D'].map((id) => task(id)) };
  const results = [
    { task: 'C', ...merged },
    { task: 'B', status: 'skipped' as const, mergeSha: null, reason: 'not now' },
    { task: 'A', ...merged, pullRequest: 7 },
    { task: 'of another milestone', ...merged, pullRequest: 8 },
  ];
  expect(releaseNotes({ milestone, results })).toBe('# Core\n\n- A: Task A (#7)\n- C: Task C\n');
});

it('say it when nothing was', () => {
  expect(releaseNotes({ milestone: { title: 'Core', tasks: [] }, results: [] })).toContain('No change');
});
