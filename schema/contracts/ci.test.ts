import { describe, expect, it } from 'vitest';
import { ciAllowsMerge, CiReport, combineContexts, isSettled, type CiContext, type CiVerdict } from './ci.ts';

type State = CiContext['state'];

function verdictOf(states: readonly State[]): CiVerdict {
  return combineContexts(states.map((state) => ({ state })));
}

describe('a CI verdict', () => {
  it.each<{ verdict: CiVerdict; settled: boolean; merges: boolean; mergesWhereCiIsRequired: boolean }>([
    { verdict: 'none-yet', settled: false, merges: false, mergesWhereCiIsRequired: false },
    { verdict: 'pending', settled: false, merges: false, mergesWhereCiIsRequired: false },
    { verdict: 'failed', settled: true, merges: false, mergesWhereCiIsRequired: false },
    { verdict: 'passed', settled: true, merges: true, mergesWhereCiIsRequired: true },
    { verdict: 'skipped', settled: true, merges: true, mergesWhereCiIsRequired: true },
    { verdict: 'not-configured', settled: true, merges: true, mergesWhereCiIsRequired: false },
  ])(
    '$verdict: settled $settled, merges $merges, with requireCi $mergesWhereCiIsRequired',
    ({ verdict, settled, merges, mergesWhereCiIsRequired }) => {
      expect(isSettled(verdict)).toBe(settled);
      expect(ciAllowsMerge(verdict, { requireCi: false })).toBe(merges);
      expect(ciAllowsMerge(verdict, { requireCi: true })).toBe(mergesWhereCiIsRequired);
    },
  );
});

describe('several contexts together', () => {
  it.each<{ states: State[]; verdict: CiVerdict }>([
    { states: [], verdict: 'none-yet' },
    { states: ['passed'], verdict: 'passed' },
    { states: ['passed', 'passed'], verdict: 'passed' },
    { states: ['pending'], verdict: 'pending' },
    { states: ['failed'], verdict: 'failed' },
    { states: ['skipped'], verdict: 'skipped' },
    { states: ['passed', 'skipped'], verdict: 'passed' },
    { states: ['skipped', 'pending'], verdict: 'pending' },
    { states: ['passed', 'pending'], verdict: 'pending' },
    { states: ['pending', 'failed'], verdict: 'failed' },
    { states: ['passed', 'failed', 'passed'], verdict: 'failed' },
    { states: ['skipped', 'failed'], verdict: 'failed' },
  ])('$states are $verdict, in any order', ({ states, verdict }) => {
    expect(verdictOf(states)).toBe(verdict);
    expect(verdictOf(states.toReversed())).toBe(verdict);
  });

  it('that are empty never mean passed', () => {
    expect(ciAllowsMerge(verdictOf([]), { requireCi: false })).toBe(false);
  });
});

describe('a CI report', () => {
  it.each([
    { name: 'an abbreviated commit', report: { sha: 'abc1234', verdict: 'passed', contexts: [] } },
    { name: 'no commit', report: { verdict: 'passed', contexts: [] } },
    { name: 'an unknown verdict', report: { sha: 'a'.repeat(40), verdict: 'success', contexts: [] } },
    { name: 'an empty verdict', report: { sha: 'a'.repeat(40), verdict: '', contexts: [] } },
    { name: 'no contexts', report: { sha: 'a'.repeat(40), verdict: 'passed' } },
  ])('with $name is none', ({ report }) => {
    expect(CiReport.safeParse(report).success).toBe(false);
  });
});
