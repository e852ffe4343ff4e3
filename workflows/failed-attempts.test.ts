import { describe, expect, it } from 'vitest';
import { FailedAttempts } from './failed-attempts.ts';
import type { Delivered } from './ports.ts';
import { rejectConflict } from './rules/remediation.ts';

const [first, second] = ['a'.repeat(40), 'b'.repeat(40)];

function delivered(headSha: string, more: Partial<Delivered> = {}): Delivered {
  const common = { kind: 'delivered', baseSha: 'c'.repeat(40), commits: 1, touchesJudge: false } as const;
  return { ...common, headSha, tree: 'one', ...more };
}

function afterFailure(): FailedAttempts {
  const attempts = new FailedAttempts();
  attempts.repeats(delivered(first), 0);
  attempts.failed([undefined, rejectConflict(['a.js'], 'main', first)]);
  return attempts;
}

describe('a delivery', () => {
  it.each([
    { name: 'with other files', next: delivered(second, { tree: 'two' }) },
    // Its reviews stand, and say the same as before.
    { name: 'of the very same head', next: delivered(first) },
    {
      name: 'that disputes what was found',
      next: delivered(second, { answers: [{ id: 'f-1', answer: 'disputed', because: 'no' }] }),
    },
    { name: 'that an older version has recorded', next: delivered(second, { tree: undefined }) },
  ])('$name repeats nothing', ({ next }) => {
    expect(afterFailure().repeats(next, 0)).toBeUndefined();
  });

  it('with the same files at another head repeats what has failed', () => {
    expect(afterFailure().repeats(delivered(second), 0)).toMatchObject({ headSha: first });
  });

  it('repeats nothing where nothing has failed', () => {
    const attempts = new FailedAttempts();
    attempts.repeats(delivered(first), 0);
    attempts.failed([undefined]);
    expect(attempts.repeats(delivered(second), 0)).toBeUndefined();
  });

  it('may be the same once more when a person has said so', () => {
    expect(afterFailure().repeats(delivered(second), 1)).toBeUndefined();
  });
});
