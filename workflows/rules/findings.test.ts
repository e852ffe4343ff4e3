import { describe, expect, it } from 'vitest';
import type { Finding, KnownFinding, Review } from '../../schema/contracts/review.ts';
import { answered, blocks, decided, identify, isRuledOn, objectionsOf, remember } from './findings.ts';

const one = '1'.repeat(40);
const two = '2'.repeat(40);
const three = '3'.repeat(40);

function finding(more: Partial<Finding> = {}): Finding {
  return { severity: 'blocker', category: 'bug', file: 'a.js', line: 3, message: 'x may be null', ...more };
}

function review(sha: string, findings: Finding[], more: Partial<Review> = {}): Review {
  const verdict = findings.length > 0 ? 'request-changes' : 'approve';
  return { engine: 'reader', sha, verdict, summary: '', findings, ...more };
}

/** As a task does it: each finding is known again first. */
function remembered(known: KnownFinding[], read: Review): KnownFinding[] {
  const { engine } = read;
  return remember(known, { ...read, findings: identify({ engine, findings: read.findings, known }) });
}

function after(...reviews: Review[]): KnownFinding[] {
  return reviews.reduce(remembered, new Array<KnownFinding>());
}

function states(known: KnownFinding[]): string[] {
  return known.map(({ message, state }) => `${message}: ${state}`);
}

describe('a finding in the next round', () => {
  it.each<{ name: string; first: Partial<Finding>; then: Partial<Finding> }>([
    { name: 'at the same place', first: {}, then: {} },
    { name: 'on a line that has moved', first: { line: 3 }, then: { line: 300 } },
    { name: 'in other letters', first: { message: 'X may be  null.' }, then: { message: 'x may be NULL' } },
    {
      name: 'whose message names another line',
      first: { message: 'line 3: null' },
      then: { message: 'line 9: null' },
    },
    {
      name: 'in other words, on a line of the same text that has moved',
      first: { text: 'return x.y;' },
      then: { text: 'return x.y;', line: 9, message: 'a null is not looked for' },
    },
    {
      name: 'in the same words, on a line that was changed',
      first: { text: 'return x.y;' },
      then: { text: 'return x.z;' },
    },
    { name: 'of another severity', first: {}, then: { severity: 'should-fix' } },
    { name: 'without a place', first: { file: undefined, line: undefined }, then: { file: undefined } },
  ])('$name is the same one, still open', ({ first, then }) => {
    const known = after(review(one, [finding(first)]), review(two, [finding(then)]));
    expect(known).toMatchObject([{ state: 'open', since: one, last: two }]);
    expect(known[0]?.history.map(({ what }) => what)).toEqual(['found', 'found-again']);
  });

  it.each<{ name: string; first: Partial<Finding>; then: Partial<Finding> }>([
    { name: 'in another file', first: {}, then: { file: 'b.js' } },
    { name: 'of another category', first: {}, then: { category: 'style' } },
    { name: 'in other words on another line', first: { text: 'a()' }, then: { text: 'b()', message: 'no' } },
    {
      name: 'in other words on a line of brackets',
      first: { text: '});' },
      then: { text: '});', message: 'no' },
    },
  ])('$name is another one, and the first is fixed', ({ first, then }) => {
    const known = after(review(one, [finding(first)]), review(two, [finding(then)]));
    expect(known.map(({ state }) => state)).toEqual(['fixed', 'new']);
    expect(new Set(known.map(({ id }) => id)).size).toBe(2);
  });

  it('is known by the id that its reviewer names, whatever else it says', () => {
    const known = after(review(one, [finding()]));
    const id = known[0]?.id;
    const later = remembered(known, review(two, [finding({ id, category: 'style', message: 'still not' })]));
    expect(later).toMatchObject([{ id, state: 'open', category: 'style', message: 'still not' }]);
  });

  it('is not known by an id that is another reviewer’s, or nobody’s', () => {
    const known = after(review(one, [finding()]));
    const id = known[0]?.id;
    const other = review(two, [finding({ id }), finding({ id: 'f-0', message: 'no' })], { engine: 'other' });
    const later = remembered(known, other);
    expect(later.map(({ engine, state }) => `${engine}: ${state}`)).toEqual([
      'reader: new',
      'other: new',
      'other: new',
    ]);
    expect(new Set(later.map((known) => known.id)).size).toBe(3);
  });
});

describe('two findings at one place', () => {
  const first = finding({ message: 'x may be null', text: 'f(x)' });
  const second = finding({ message: 'f is slow', text: 'f(x)' });

  it('stay two', () => {
    const known = after(review(one, [first, second]), review(two, [second, first]));
    expect(states(known)).toEqual(['x may be null: open', 'f is slow: open']);
  });

  it('are told apart when one of them is fixed', () => {
    const known = after(review(one, [first, second]), review(two, [second]));
    expect(states(known)).toEqual(['x may be null: fixed', 'f is slow: open']);
  });

  it('of the same words on two lines are two, and on one line one', () => {
    const known = after(review(one, [finding({ line: 3 }), finding({ line: 9 }), finding({ line: 9 })]));
    expect(known.map(({ line }) => line)).toEqual([3, 9]);
    expect(known[1]?.id).toBe(`${known[0]?.id ?? ''}-2`);
  });
});

describe('what becomes of a finding', () => {
  it('is told by its own reviewer, and at another head', () => {
    const known = after(review(one, [finding()]), review(two, [], { engine: 'other' }));
    expect(known).toMatchObject([{ state: 'new', last: one }]);
  });

  it('that comes back after it was fixed is open again', () => {
    const known = after(review(one, [finding()]), review(two, []), review(three, [finding()]));
    expect(known).toMatchObject([{ state: 'open', since: one, last: three }]);
    expect(known[0]?.history.map(({ what }) => what)).toEqual(['found', 'not-found-again', 'found-again']);
  });

  it('that its reviewer takes back at the same head is dropped', () => {
    const known = after(review(one, [finding()]), review(one, []));
    expect(known).toMatchObject([{ state: 'dropped' }]);
  });

  it.each(['dropped', 'deferred'] as const)('that was %s by decision stays so', (state) => {
    const known = after(review(one, [finding()])).map((each) => ({ ...each, state }));
    expect(remembered(known, review(two, [finding()]))).toMatchObject([{ state, last: two }]);
    expect(remembered(known, review(two, []))).toMatchObject([{ state, last: one }]);
  });

  it('about what is not there is unfounded, until it is about something', () => {
    const unfounded = finding({ unfounded: 'a.js has 2 lines' });
    const known = after(review(one, [unfounded]));
    expect(known).toMatchObject([{ state: 'unfounded', history: [{ why: 'a.js has 2 lines' }] }]);
    expect(remembered(known, review(two, [finding()]))).toMatchObject([{ state: 'open' }]);
  });

  it('is remembered for a hundred at the most; what is deferred is never forgotten', () => {
    const many = Array.from({ length: 150 }, (_, n) => finding({ file: `${n}.js` }));
    const known = after(review(one, many.slice(0, 60))).map((each, n) =>
      n === 0 ? { ...each, state: 'deferred' as const } : each,
    );
    const later = remembered(known, review(two, many.slice(60)));
    expect(later).toHaveLength(100);
    expect(later[0]).toMatchObject({ file: '0.js', state: 'deferred' });
    expect(later.slice(-90).map(({ state }) => state)).toEqual(new Array(90).fill('new'));
  });

  it('is the same in every replay, id and all', () => {
    const reviews = [review(one, [finding(), finding({ message: 'y' })]), review(two, [finding()])];
    expect(after(...reviews)).toEqual(after(...reviews));
    const [known] = identify({ engine: 'reader', findings: [finding()], known: [] });
    expect(known?.id).toBe(after(...reviews)[0]?.id);
  });
});

describe('what blocks', () => {
  it.each([
    { severity: 'blocker', state: 'new', shouldFix: undefined, does: true },
    { severity: 'blocker', state: 'open', shouldFix: 'note', does: true },
    { severity: 'blocker', state: 'disputed', shouldFix: undefined, does: true },
    { severity: 'blocker', state: 'fixed', shouldFix: undefined, does: false },
    { severity: 'blocker', state: 'dropped', shouldFix: 'send-back', does: false },
    { severity: 'blocker', state: 'deferred', shouldFix: 'send-back', does: false },
    { severity: 'blocker', state: 'unfounded', shouldFix: 'send-back', does: false },
    { severity: 'should-fix', state: 'new', shouldFix: undefined, does: false },
    { severity: 'should-fix', state: 'new', shouldFix: 'note', does: false },
    { severity: 'should-fix', state: 'open', shouldFix: 'send-back', does: true },
    { severity: 'should-fix', state: 'deferred', shouldFix: 'send-back', does: false },
    { severity: 'nit', state: 'open', shouldFix: 'send-back', does: false },
  ] as const)(
    'is a $severity that is $state, with $shouldFix: $does',
    ({ severity, state, shouldFix, does }) => {
      const [known] = after(review(one, [finding({ severity })]));
      expect(known && blocks({ ...known, state }, { shouldFix, verdict: 'approve' })).toBe(does);
    },
  );

  it.each([
    { severity: 'should-fix', does: true },
    { severity: 'nit', does: false },
  ] as const)('is a $severity of a request for changes, whatever the policy: $does', ({ severity, does }) => {
    const [known] = after(review(one, [finding({ severity })]));
    expect(known && blocks(known, { shouldFix: 'note', verdict: 'request-changes' })).toBe(does);
  });
});

describe('what a request for changes rests on', () => {
  it('is neither a nit, nor what is not there, nor what was decided on', () => {
    const known = after(review(one, [finding()]));
    const dropped = known.map((each) => ({
      ...each,
      state: 'dropped' as const,
      history: [{ sha: one, by: 'ann', what: 'dropped' as const, why: 'x is never null' }],
    }));
    const id = known[0]?.id;
    const findings = [
      finding({ id }),
      finding({ id: 'f-1', unfounded: 'there is no a.js' }),
      finding({ id: 'f-2', severity: 'nit' }),
      finding({ id: 'f-3', severity: 'should-fix' }),
    ];
    const { count, dont } = objectionsOf(findings, dropped);
    expect(count.map((each) => each.id)).toEqual(['f-3']);
    expect(dont.map(({ why }) => why)).toEqual([
      `${id ?? ''} was dropped by ann: x is never null`,
      'there is no a.js',
    ]);
  });
});

describe('what the author says', () => {
  const of = { sha: two, by: 'm.A.author.2', blocks: () => true };

  function said(known: KnownFinding[], answer: 'fixed' | 'disputed', more = of): KnownFinding | undefined {
    const id = known[0]?.id ?? '';
    return answered(known, [{ id, answer, because: 'x is never null' }], more)[0];
  }

  it('is a claim: what it calls fixed is open until its reviewer says nothing of it', () => {
    const known = said(after(review(one, [finding()])), 'fixed');
    expect(known).toMatchObject({ state: 'new' });
    const by = 'm.A.author.2';
    expect(known?.history.at(-1)).toEqual({ sha: two, by, what: 'called-fixed', why: 'x is never null' });
  });

  it('makes a dispute, which stays one until it is decided', () => {
    const known = said(after(review(one, [finding()])), 'disputed');
    expect(known).toMatchObject({ state: 'disputed' });
    expect(known && remembered([known], review(two, [finding()]))).toMatchObject([{ state: 'disputed' }]);
  });

  it('is noted, and nobody has to decide, where the finding is in nobody’s way', () => {
    const known = said(after(review(one, [finding()])), 'disputed', { ...of, blocks: () => false });
    expect(known).toMatchObject({ state: 'new' });
  });

  it('counts for nothing where the finding is settled, or unknown', () => {
    const known = after(review(one, [finding()]), review(two, []));
    expect(said(known, 'disputed')).toEqual(known[0]);
    expect(answered(known, [{ id: 'f-0', answer: 'fixed', because: 'so' }], of)).toEqual(known);
  });

  it.each([
    { decision: 'uphold', state: 'open' },
    { decision: 'drop', state: 'dropped' },
    { decision: 'defer', state: 'deferred' },
  ] as const)('is decided: $decision leaves the finding $state', ({ decision, state }) => {
    const disputed = said(after(review(one, [finding()])), 'disputed');
    expect(disputed && decided(disputed, decision, { sha: two, by: 'ann' })).toMatchObject({ state });
  });

  it('is not asked again of what was upheld', () => {
    const disputed = said(after(review(one, [finding()])), 'disputed');
    const upheld = disputed && decided(disputed, 'uphold', { sha: two, by: 'ann' });
    expect(upheld && said([upheld], 'disputed')).toMatchObject({ state: 'open' });
  });

  it('is asked again, of a person, of what an engine has upheld', () => {
    const disputed = said(after(review(one, [finding()])), 'disputed');
    const by = 'm.A.review-oracle.1';
    const upheld = disputed && decided(disputed, 'uphold', { sha: two, by, why: 'it may be' });
    expect([disputed, upheld].map((known) => known && isRuledOn(known))).toEqual([false, true]);
    const again = upheld && said([upheld], 'disputed');
    expect(again).toMatchObject({ state: 'disputed' });
    const last = again && decided(again, 'uphold', { sha: two, by: 'ann' });
    expect(last && said([last], 'disputed')).toMatchObject({ state: 'open' });
  });
});
