import { describe, expect, it } from 'vitest';
import { amendmentOf } from './amend-command.ts';

describe('an amendment from the command line', () => {
  it('defers and moves', () => {
    const amendment = amendmentOf({
      defer: ['T-001', 'T-002'],
      move: 'T-003',
      to: 'm2',
      before: 'T-009',
      reason: 'later',
    });
    expect(amendment).toEqual({
      reason: 'later',
      changes: [
        { change: 'defer', task: 'T-001' },
        { change: 'defer', task: 'T-002' },
        { change: 'move', task: 'T-003', milestone: 'm2', before: 'T-009' },
      ],
    });
  });

  it.each([
    { options: { reason: 'r' }, says: 'give a file, --defer or --move' },
    { options: { defer: ['T'] }, says: 'give it with --reason' },
    { options: { move: 'T', reason: 'r' }, says: '--move needs --to' },
    { options: { to: 'm2', reason: 'r' }, says: 'name the task with --move' },
  ])('is refused with what is missing: $says', ({ options, says }) => {
    expect(() => amendmentOf(options)).toThrow(says);
  });
});
