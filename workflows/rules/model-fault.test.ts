import { describe, expect, it } from 'vitest';
import type { AgentReport } from '../../schema/contracts/session.ts';
import { report } from '../../test/fakes/fake-sessions.ts';
import { modelFault, quotaOpensAt, type ModelFault } from './model-fault.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
const now = 1_000_000;

describe('a quota that is closed', () => {
  it.each([
    { name: 'is asked again just after its window', retryAt: now + minute, at: now + minute + 5_000 },
    { name: 'whose window is over is asked again at once', retryAt: now - minute, at: now + 5_000 },
    {
      name: 'that did not say until when is asked again after ten minutes',
      retryAt: null,
      at: now + 10 * minute,
    },
    {
      name: 'that would be closed for a year is asked again after the longest window',
      retryAt: now + 365 * day,
      at: now + 8 * day,
    },
  ])('$name', ({ retryAt, at }) => {
    expect(quotaOpensAt({ report: { retryAt }, now })).toBe(at);
  });
});

const session = { role: 'author', runtime: 'codex', host: 'h1' };

function ended(outcome: AgentReport['outcome'], more: { role?: string; retryAt?: number } = {}) {
  const { role = session.role, retryAt } = more;
  const agent = report({ outcome, message: 'it says no', retryAt: retryAt ?? null });
  return { ...session, role, agent };
}

describe('what keeps a session from its model', () => {
  it.each<{ outcome: AgentReport['outcome']; retryAt?: number; fault: ModelFault | undefined }>([
    { outcome: 'auth', fault: { kind: 'auth', reason: 'codex is not logged in on h1: it says no' } },
    { outcome: 'over-budget', fault: { kind: 'over-budget' } },
    {
      outcome: 'rate-limited',
      retryAt: now + minute,
      fault: { kind: 'closed', until: now + minute + 5_000, on: 'the quota of codex on h1' },
    },
    {
      outcome: 'model-error',
      fault: { kind: 'failing', until: now + minute, on: 'the model of codex: it says no' },
    },
    { outcome: 'done', fault: undefined },
    { outcome: 'no-change', fault: undefined },
    { outcome: 'stalled', fault: undefined },
    { outcome: 'lost', fault: undefined },
  ])('after $outcome', ({ outcome, retryAt, fault }) => {
    const one = ended(outcome, retryAt === undefined ? {} : { retryAt });
    expect(modelFault({ session: one, sessions: [one], now })).toEqual(fault);
  });

  it('is not told of a program that is no agent', () => {
    expect(modelFault({ session, sessions: [session], now })).toBeUndefined();
  });

  it('is counted for each role by itself', () => {
    const one = ended('model-error', { role: 'review-claude' });
    const sessions = [ended('model-error'), ended('done'), ended('model-error'), one];
    expect(modelFault({ session: one, sessions, now })).toMatchObject({ until: now + minute });
  });
});

describe('a model that fails', () => {
  it.each([
    [1, 1],
    [2, 2],
    [5, 16],
    [6, 30],
    [60, 30],
  ])('for time %i is left alone for %i minutes', (times, minutes) => {
    const one = ended('model-error');
    const sessions = new Array<typeof one>(times).fill(one);
    expect(modelFault({ session: one, sessions, now })).toMatchObject({ until: now + minutes * minute });
  });
});
