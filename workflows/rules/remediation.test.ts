import { describe, expect, it } from 'vitest';
import type { CiReport, CiVerdict } from '../../schema/contracts/ci.ts';
import type { Finding, Review } from '../../schema/contracts/review.ts';
import type { SessionEnd, SessionSummary } from '../../schema/contracts/session.ts';
import type { GateFailure } from '../../schema/contracts/views.ts';
import type { Delivery } from '../ports.ts';
import {
  failsWithBase,
  isLeftOut,
  overBudget,
  rejectCi,
  rejectConflict,
  rejectDelivery,
  rejectReview,
  rejectSession,
} from './remediation.ts';

const sha = 'a'.repeat(40);

function session(end: SessionEnd, exitCode: number | null): SessionSummary {
  return {
    id: 's1',
    role: 'author',
    runtime: 'script',
    host: 'h1',
    end,
    exitCode,
    startedAt: 0,
    endedAt: 1,
  };
}

function finding(severity: Finding['severity'], more: Partial<Finding> = {}): Finding {
  return { severity, category: 'secret', message: 'look', ...more };
}

function objection(findings: Finding[], more: Partial<Review> = {}): Review {
  return { engine: 'diff-check', sha, verdict: 'request-changes', summary: 'no', findings, ...more };
}

function report(verdict: CiVerdict, contexts: CiReport['contexts'] = []): CiReport {
  return { sha, verdict, contexts };
}

describe('a session', () => {
  it('that exited with 0 is worth judging', () => {
    expect(rejectSession(session('exited', 0))).toBeUndefined();
  });

  it.each<{ end: SessionEnd; exitCode: number | null; how: string }>([
    { end: 'exited', exitCode: 1, how: 'exit code 1' },
    { end: 'exited', exitCode: 137, how: 'exit code 137' },
    { end: 'exited', exitCode: null, how: 'exit code unknown' },
    { end: 'timed-out', exitCode: null, how: 'timed-out' },
    // A code of 0 does not make up for the way in which it ended.
    { end: 'timed-out', exitCode: 0, how: 'timed-out' },
    { end: 'flooded', exitCode: null, how: 'flooded' },
    { end: 'stopped', exitCode: null, how: 'stopped' },
    { end: 'unstartable', exitCode: null, how: 'unstartable' },
    { end: 'lost', exitCode: null, how: 'lost' },
  ])('that ended as $end with $exitCode is sent back for $how', ({ end, exitCode, how }) => {
    const message = `session s1 ended with ${how}`;
    expect(rejectSession(session(end, exitCode))).toEqual({
      failure: { gate: 'implement', signature: `implement:${how}`, message, sha: null },
      feedback: { gate: 'implement', message, findings: [], excerpt: null },
    });
  });

  it('that fails in the same way again is the same failure, whatever its id', () => {
    const first = rejectSession(session('lost', null));
    const second = rejectSession({ ...session('lost', null), id: 's2' });
    expect(second?.failure.signature).toBe(first?.failure.signature);
  });
});

describe('a delivery', () => {
  it.each<Delivery>([
    { kind: 'delivered', headSha: sha, baseSha: sha, commits: 1, touchesJudge: false },
    { kind: 'delivered', headSha: sha, baseSha: sha, commits: 1, touchesJudge: true },
    { kind: 'no-change-needed', reason: 'it is there' },
  ])('that is $kind is not sent back', (delivery) => {
    expect(rejectDelivery(delivery)).toBeUndefined();
  });

  it('of nothing is sent back, bound to no commit', () => {
    const delivery: Delivery = { kind: 'nothing-delivered', message: 'no commits', signature: 'no-commits' };
    expect(rejectDelivery(delivery)).toEqual({
      failure: {
        gate: 'verify-delivery',
        signature: 'verify-delivery:no-commits',
        message: 'no commits',
        sha: null,
      },
      feedback: { gate: 'verify-delivery', message: 'no commits', findings: [], excerpt: null },
    });
  });

  it('with a red check is sent back with the end of its log, bound to its commit', () => {
    const delivery: Delivery = {
      kind: 'checks-failed',
      headSha: sha,
      check: 'npm test',
      message: 'npm test is red',
      excerpt: '1 failing',
    };
    expect(rejectDelivery(delivery)).toEqual({
      failure: {
        gate: 'verify-delivery',
        check: 'npm test',
        signature: 'verify-delivery:check:npm test',
        message: 'npm test is red',
        sha,
      },
      feedback: {
        gate: 'verify-delivery',
        message: 'npm test is red',
        findings: [],
        excerpt: '1 failing',
      },
    });
  });
});

describe('a review', () => {
  it('that approves sends nothing back, nits or not', () => {
    expect(rejectReview(objection([finding('nit')], { verdict: 'approve' }))).toBeUndefined();
  });

  it('that asks for changes hands on every finding', () => {
    const findings = [finding('nit'), finding('blocker')];
    expect(rejectReview(objection(findings))).toMatchObject({
      failure: { gate: 'review-and-ci', message: 'diff-check asks for changes: no', sha },
      feedback: { findings, excerpt: null },
    });
  });

  it.each<{ name: string; findings: Finding[]; signature: string }>([
    {
      name: 'the first blocker',
      findings: [
        finding('nit', { category: 'style' }),
        finding('blocker', { category: 'secret', file: 'a.js', line: 3 }),
        finding('blocker', { category: 'other' }),
      ],
      signature: 'review:diff-check:secret:a.js',
    },
    {
      name: 'the first finding, where none is a blocker',
      findings: [finding('should-fix', { category: 'whitespace', file: 'b.js' }), finding('nit')],
      signature: 'review:diff-check:whitespace:b.js',
    },
    {
      name: 'a finding without a file',
      findings: [finding('blocker')],
      signature: 'review:diff-check:secret:',
    },
    { name: 'the verdict alone', findings: [], signature: 'review:diff-check:verdict:' },
  ])('is told apart by $name', ({ findings, signature }) => {
    expect(rejectReview(objection(findings))?.failure.signature).toBe(signature);
  });

  it.each<{ name: string; other: Review; same: boolean }>([
    {
      name: 'in another line and in other words',
      other: objection([finding('blocker', { file: 'a.js', line: 9, message: 'again' })], {
        summary: 'still no',
        sha: 'b'.repeat(40),
      }),
      same: true,
    },
    { name: 'in another file', other: objection([finding('blocker', { file: 'b.js' })]), same: false },
    {
      name: 'for another reason',
      other: objection([finding('blocker', { file: 'a.js', category: 'untested' })]),
      same: false,
    },
    {
      name: 'by another engine',
      other: objection([finding('blocker', { file: 'a.js' })], { engine: 'test-check' }),
      same: false,
    },
  ])('that objects $name is the same failure: $same', ({ other, same }) => {
    const first = rejectReview(objection([finding('blocker', { file: 'a.js', line: 3 })]));
    const second = rejectReview(other);
    expect(first?.failure.signature === second?.failure.signature).toBe(same);
  });
});

describe('CI', () => {
  it.each<{ verdict: CiVerdict; requireCi: boolean; sentBack: boolean }>([
    { verdict: 'passed', requireCi: true, sentBack: false },
    { verdict: 'skipped', requireCi: true, sentBack: false },
    { verdict: 'not-configured', requireCi: false, sentBack: false },
    { verdict: 'not-configured', requireCi: true, sentBack: true },
    { verdict: 'failed', requireCi: false, sentBack: true },
    { verdict: 'pending', requireCi: false, sentBack: true },
    { verdict: 'none-yet', requireCi: false, sentBack: true },
  ])('that is $verdict with requireCi $requireCi sends back: $sentBack', (of) => {
    const { verdict, requireCi, sentBack } = of;
    const rejected = rejectCi(report(verdict), { requireCi });
    expect(rejected?.failure.message).toBe(sentBack ? `CI is ${verdict}` : undefined);
    expect(rejected?.failure.signature).toBe(sentBack ? `ci:${verdict}` : undefined);
  });

  it('that failed names what is red, with the ends of its logs, and leaves out what is green', () => {
    const rejected = rejectCi(
      report('failed', [
        { name: 'lint', state: 'failed', excerpt: 'no-console' },
        { name: 'build', state: 'passed', excerpt: 'built' },
        { name: 'test', state: 'failed', excerpt: '1 failing' },
      ]),
      { requireCi: false },
    );
    const message = 'CI failed: lint, test';
    expect(rejected).toEqual({
      failure: { gate: 'review-and-ci', signature: 'ci:lint, test', message, sha },
      feedback: { gate: 'review-and-ci', message, findings: [], excerpt: 'no-console\n1 failing' },
    });
  });

  it('that failed on the base too is nobody’s fault, and of others only what is their own', () => {
    const contexts: CiReport['contexts'] = [
      { name: 'audit', state: 'failed', excerpt: 'a known hole' },
      { name: 'test', state: 'failed', excerpt: '1 failing' },
    ];
    const all = { ...report('failed', contexts), failsOnBase: ['audit', 'test'] };
    expect(failsWithBase(all)).toBe(true);
    expect(rejectCi(all, { requireCi: false })).toBeUndefined();
    const some = { ...report('failed', contexts), failsOnBase: ['audit'] };
    expect(failsWithBase(some)).toBe(false);
    expect(rejectCi(some, { requireCi: false })).toMatchObject({
      failure: { signature: 'ci:test', message: 'CI failed: test' },
      feedback: { excerpt: '1 failing' },
    });
    expect(failsWithBase({ ...report('passed'), failsOnBase: [] })).toBe(false);
  });

  it('that will never run is for a person, and not for the author', () => {
    const leftOut = { ...report('none-yet'), leftOutBy: ['.woodpecker.yml'] };
    expect(isLeftOut(leftOut)).toBe(true);
    expect(rejectCi(leftOut, { requireCi: true })).toBeUndefined();
    expect(isLeftOut(report('none-yet'))).toBe(false);
    expect(isLeftOut({ ...leftOut, verdict: 'skipped' })).toBe(false);
  });

  it('that failed without a log has no excerpt', () => {
    const rejected = rejectCi(report('failed', [{ name: 'lint', state: 'failed' }]), { requireCi: false });
    expect(rejected?.feedback.excerpt).toBeNull();
  });
});

describe('a conflict', () => {
  it('is sent back with its files and what to do', () => {
    const message = 'the branch conflicts with origin/main in a.js, b.js: merge it and resolve the conflict';
    expect(rejectConflict(['a.js', 'b.js'], 'main', sha)).toEqual({
      failure: { gate: 'merge-lane', signature: 'merge-lane:conflict', message, sha },
      feedback: { gate: 'merge-lane', message, findings: [], excerpt: null },
    });
  });
});

describe('the budget of remediations', () => {
  function failure(signature: string): GateFailure {
    return { gate: 'implement', signature, message: signature, sha: null };
  }

  it.each<{ seen: Record<string, number>; now: string[]; remediations: number; over: string | undefined }>([
    { seen: { a: 1 }, now: ['a'], remediations: 3, over: undefined },
    { seen: { a: 3 }, now: ['a'], remediations: 3, over: undefined },
    { seen: { a: 4 }, now: ['a'], remediations: 3, over: 'a' },
    { seen: { a: 1 }, now: ['a'], remediations: 0, over: 'a' },
    { seen: { a: 2, b: 2 }, now: ['a', 'b'], remediations: 3, over: undefined },
    { seen: { a: 1, b: 4, c: 5 }, now: ['a', 'b', 'c'], remediations: 3, over: 'b' },
    // What came back too often earlier but not now stops nobody.
    { seen: { a: 9, b: 1 }, now: ['b'], remediations: 3, over: undefined },
    { seen: {}, now: ['a'], remediations: 0, over: undefined },
    { seen: { a: 9 }, now: [], remediations: 0, over: undefined },
  ])('of $remediations with $seen and now $now is used up by $over', ({ seen, now, remediations, over }) => {
    const counts = new Map(Object.entries(seen));
    expect(overBudget(counts, now.map(failure), remediations)?.signature).toBe(over);
  });
});
