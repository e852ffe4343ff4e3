import { describe, expect, it } from 'vitest';
import { Finding, Review, ReviewAnswer, type Severity } from './review.ts';

function finding(severity: string, more: object = {}): object {
  return { severity, category: 'secret', message: 'this looks like a key', ...more };
}

function accepts(answer: unknown): boolean {
  return ReviewAnswer.safeParse(answer).success;
}

describe('an answer', () => {
  it.each<{ verdict: string; severities: Severity[]; counts: boolean }>([
    { verdict: 'approve', severities: [], counts: true },
    { verdict: 'approve', severities: ['nit'], counts: true },
    { verdict: 'approve', severities: ['should-fix', 'nit'], counts: true },
    { verdict: 'approve', severities: ['blocker'], counts: false },
    { verdict: 'approve', severities: ['nit', 'blocker'], counts: false },
    { verdict: 'request-changes', severities: [], counts: true },
    { verdict: 'request-changes', severities: ['blocker', 'nit'], counts: true },
    { verdict: 'request-changes', severities: ['should-fix'], counts: true },
    { verdict: 'request-changes', severities: ['nit'], counts: false },
    { verdict: 'request-changes', severities: ['nit', 'nit'], counts: false },
  ])('of $verdict with $severities counts: $counts', ({ verdict, severities, counts }) => {
    const findings = severities.map((severity) => finding(severity));
    expect(accepts({ verdict, summary: 'read it', findings })).toBe(counts);
  });

  it.each([
    { name: 'another verdict', answer: { verdict: 'approved', summary: '', findings: [] } },
    { name: 'a verdict in capitals', answer: { verdict: 'APPROVE', summary: '', findings: [] } },
    { name: 'no verdict', answer: { summary: '', findings: [] } },
    { name: 'true for a verdict', answer: { verdict: true, summary: '', findings: [] } },
    { name: 'no summary', answer: { verdict: 'approve', findings: [] } },
    { name: 'no findings', answer: { verdict: 'approve', summary: '' } },
    { name: 'null for findings', answer: { verdict: 'approve', summary: '', findings: null } },
    { name: 'an endless summary', answer: { verdict: 'approve', summary: 'x'.repeat(4_001), findings: [] } },
    {
      name: 'too many findings',
      answer: {
        verdict: 'request-changes',
        summary: '',
        findings: Array.from({ length: 201 }, () => finding('nit')),
      },
    },
    {
      name: 'a severity in other words',
      answer: { verdict: 'approve', summary: '', findings: [finding('critical')] },
    },
  ])('with $name is malformed', ({ answer }) => {
    expect(accepts(answer)).toBe(false);
  });
});

describe('a finding', () => {
  it.each([
    { name: 'has a place', value: finding('nit', { file: 'src/a.js', line: 3 }), fine: true },
    { name: 'may lack a place', value: finding('nit'), fine: true },
    { name: 'counts lines from 1', value: finding('nit', { line: 0 }), fine: false },
    { name: 'has whole lines', value: finding('nit', { line: 1.5 }), fine: false },
    { name: 'says something', value: finding('nit', { message: '' }), fine: false },
    { name: 'has a category', value: finding('nit', { category: '' }), fine: false },
  ])('$name', ({ value, fine }) => {
    expect(Finding.safeParse(value).success).toBe(fine);
  });
});

describe('a review', () => {
  const review = { engine: 'diff-check', verdict: 'approve', summary: 'good', findings: [] };

  it.each([
    { name: 'counts for a whole commit id', sha: 'a'.repeat(40), fine: true },
    { name: 'does not count for an abbreviation', sha: 'a'.repeat(10), fine: false },
    { name: 'does not count for no commit', sha: undefined, fine: false },
  ])('$name', ({ sha, fine }) => {
    expect(Review.safeParse({ ...review, sha }).success).toBe(fine);
  });
});
