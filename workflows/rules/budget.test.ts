import { describe, expect, it } from 'vitest';
import type { Budget, Used } from '../../schema/contracts/budget.ts';
import type { SessionSummary } from '../../schema/contracts/session.ts';
import { agentSession } from '../../test/support/missions.ts';
import { leftOf, nothingUsed, usedBySessions, usedUp, type Account } from './budget.ts';

function account(whose: 'task' | 'mission', budget: Budget | undefined, used: Partial<Used> = {}): Account {
  return { whose, budget, used: { ...nothingUsed, ...used } };
}

describe('what sessions have used', () => {
  const priced = agentSession('a', { usage: { costUsd: 0.5 } });
  const { agent, ...script } = agentSession('b');

  it.each<{ name: string; sessions: SessionSummary[]; used: Partial<Used> }>([
    { name: 'nothing, when there were none', sessions: [], used: {} },
    {
      name: 'tokens read and written, money where it is told, time, attempts',
      sessions: [priced, agentSession('c')],
      used: { tokens: 2_020, costUsd: 0.5, minutes: 2, sessions: 2 },
    },
    { name: 'of a script only time', sessions: [script], used: { minutes: 1, sessions: 1 } },
    {
      name: 'of a reviewer no attempt',
      sessions: [{ ...priced, role: 'review-careful' }],
      used: { tokens: 1_010, costUsd: 0.5, minutes: 1 },
    },
    {
      name: 'of one that met a closed quota no attempt',
      sessions: agent ? [{ ...script, agent: { ...agent, outcome: 'rate-limited' } }] : [],
      used: { tokens: 1_010, minutes: 1 },
    },
  ])('$name', ({ sessions, used }) => {
    expect(usedBySessions(sessions)).toEqual({ ...nothingUsed, ...used });
  });
});

describe('a budget', () => {
  it.each<{ name: string; accounts: Account[]; says: string | undefined }>([
    { name: 'that is none', accounts: [account('task', undefined, { tokens: 1e9 })], says: undefined },
    {
      name: 'with something left',
      accounts: [account('task', { tokens: 10 }, { tokens: 9 })],
      says: undefined,
    },
    {
      name: 'that is used to its end',
      accounts: [account('task', { tokens: 1_000 }, { tokens: 1_000 })],
      says: 'the task has used 1,000 tokens of its budget of 1,000 tokens',
    },
    {
      name: 'of money',
      accounts: [account('task', { costUsd: 2.5 }, { costUsd: 2.504 })],
      says: 'the task has used $2.50 of its budget of $2.50',
    },
    {
      name: 'of time',
      accounts: [account('task', { minutes: 60 }, { minutes: 61.5 })],
      says: 'the task has used 61 minutes of its budget of 60 minutes',
    },
    {
      name: 'of the mission',
      accounts: [
        account('task', { sessions: 3 }, { sessions: 2 }),
        account('mission', { sessions: 5 }, { sessions: 7 }),
      ],
      says: 'the mission has used 7 sessions of its budget of 5 sessions',
    },
  ])('$name: $says', ({ accounts, says }) => {
    expect(usedUp(accounts)).toBe(says);
  });

  it('of sessions is none of reviews', () => {
    const accounts = [account('task', { sessions: 1 }, { sessions: 1 })];
    expect(usedUp(accounts, { next: 'author' })).toContain('1 sessions');
    expect(usedUp(accounts, { next: 'review' })).toBeUndefined();
  });

  it('leaves the next session what the tighter of both has left', () => {
    const task = account('task', { tokens: 100, minutes: 5 }, { tokens: 10, minutes: 6 });
    const mission = account('mission', { tokens: 1_000, costUsd: 3 }, { tokens: 950, costUsd: 1 });
    expect(leftOf([task, mission])).toEqual({ tokens: 50, costUsd: 2, minutes: 0 });
    expect(leftOf([account('task', undefined)])).toEqual({});
  });
});
