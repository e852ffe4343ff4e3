import { describe, expect, it } from 'vitest';
import { gates, isEnded, TaskStatus, type Gate } from '../../schema/contracts/gates.ts';
import { phaseOf, type Phase } from './phase.ts';

describe('the phase of a task', () => {
  const phases: Record<Gate, Phase> = {
    intake: 'implementing',
    implement: 'implementing',
    'verify-delivery': 'implementing',
    'queue-guard': 'implementing',
    push: 'implementing',
    'open-pull-request': 'implementing',
    'review-and-ci': 'reviewing',
    'go-ahead': 'reviewing',
    'merge-lane': 'merging',
    'verify-merge': 'merging',
    'close-issue': 'merging',
    'clean-up': 'merging',
    done: 'merging',
  };

  it.each(gates.map((gate) => ({ gate, phase: phases[gate] })))(
    'that runs at $gate is $phase',
    ({ gate, phase }) => {
      expect(phaseOf({ status: 'running', gate })).toBe(phase);
    },
  );

  it.each(gates)('that is blocked at %s is blocked', (gate) => {
    expect(phaseOf({ status: 'blocked', gate })).toBe('blocked');
  });

  const ends = TaskStatus.options.filter(isEnded);
  it.each(ends)('that is %s is ended, wherever it stood', (status) => {
    expect(gates.map((gate) => phaseOf({ status, gate }))).toEqual(gates.map(() => 'ended'));
  });
});
