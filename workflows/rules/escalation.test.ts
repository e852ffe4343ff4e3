import { describe, expect, it } from 'vitest';
import { escalationOf } from './escalation.ts';

describe('a step that has failed for good', () => {
  it.each([
    'awaitCi: no right to read statuses',
    'pushBranch: https://git.example.org answered 403: forbidden',
    'openIssue: the token of git.example.org is not accepted',
    'pushBranch: git push: Permission denied (publickey)',
  ])('needs an access: %s', (reason) => {
    expect(escalationOf(reason)).toBe('credentials');
  });

  it.each(['merge: the forge answered 500', 'verifyDelivery: npm test: not ok 1'])(
    'was tried as often as may be: %s',
    (reason) => {
      expect(escalationOf(reason)).toBe('remediation');
    },
  );
});
