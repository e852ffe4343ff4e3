import { describe, expect, it } from 'vitest';
import type { Finding, Review } from '../../schema/contracts/review.ts';
import { composeReview, keyIn, keyOf, toldFixedIn, type ComposedReview } from './compose-review.ts';

function finding(message: string, more: Partial<Finding> = {}): Finding {
  return { severity: 'should-fix', category: 'naming', file: 'a.js', line: 3, message, ...more };
}

function compose(
  findings: Finding[],
  more: Partial<Parameters<typeof composeReview>[0]> = {},
): ComposedReview {
  const review: Review = {
    ...{ engine: 'codex', sha: 'a'.repeat(40), verdict: 'request-changes', summary: 'Not yet.' },
    findings,
  };
  const usual = { isInDiff: () => true, standing: [], toldFixed: new Set<string>() };
  return composeReview({ review, ...usual, ...more });
}

describe('a review on its forge', () => {
  it('has no more at lines than one call can post, and the rest in its body', () => {
    const { body, comments } = compose(Array.from({ length: 32 }, (_, index) => finding(`number ${index}`)));
    expect(comments).toHaveLength(30);
    expect(body.split('\n')).toEqual([
      'Not yet.',
      '- should-fix (naming) a.js:3: number 30',
      '- should-fix (naming) a.js:3: number 31',
    ]);
  });

  it('says the same thing once', () => {
    expect(compose([finding('x'), finding('x')]).comments).toHaveLength(1);
  });

  it('has a body that forges take, and states the cut', () => {
    const long = Array.from({ length: 20 }, (_, index) => finding(`${index}${'x'.repeat(3_990)}`));
    const { body } = compose(long, { isInDiff: () => false });
    expect(body.length).toBeLessThan(60_200);
    expect(body).toMatch(/\[cut: \d+ more characters; the record of the mission has them\]$/);
  });

  it('tells once what is fixed, and again once it has come back meanwhile', () => {
    const standing = [{ key: keyOf('codex', finding('gone')), place: 'a.js:9' }];
    const bodies: string[] = [];
    const next = (findings: Finding[]) => {
      const { body } = compose(findings, { standing, toldFixed: toldFixedIn(bodies) });
      bodies.push(body);
      return body;
    };
    expect(next([])).toContain('Fixed since the last review:\n- a.js:9');
    expect(next([])).toBe('Not yet.');
    expect(next([finding('gone')])).toContain('Still open, see the comments at these lines:\n- a.js:9');
    expect(next([])).toContain('Fixed since the last review:\n- a.js:9');
  });
});

describe('the mark of a finding', () => {
  const [comment] = compose([finding('x')]).comments;
  const key = keyOf('codex', finding('x'));

  it('is found again in its comment, by its own engine', () => {
    expect(keyIn(`${comment?.body ?? ''}\r\n`, 'codex')).toBe(key);
    expect(keyIn(comment?.body ?? '', 'claude')).toBeUndefined();
  });

  it('counts at the end only: a reviewer may quote one', () => {
    const quoted = compose([finding(`see <!-- finding:codex:${'0'.repeat(16)} -->`)]).comments[0];
    expect(keyIn(quoted?.body ?? '', 'codex')).toBe(quoted?.key);
  });

  it.each([
    { name: 'another line', other: finding('x', { line: 9 }), isSame: true },
    { name: 'another severity', other: finding('x', { severity: 'nit' }), isSame: true },
    { name: 'another file', other: finding('x', { file: 'b.js' }), isSame: false },
    { name: 'another category', other: finding('x', { category: 'style' }), isSame: false },
    { name: 'other words', other: finding('y'), isSame: false },
  ])('of one with $name is the same: $isSame', ({ other, isSame }) => {
    expect(keyOf('codex', other) === key).toBe(isSame);
  });

  it('is by its id, where it has one', () => {
    const known = { ...finding('x'), id: 'f-1' };
    expect(keyOf('codex', { ...known, message: 'in other words' })).toBe(keyOf('codex', known));
    expect(keyOf('codex', known)).not.toBe(key);
  });
});
