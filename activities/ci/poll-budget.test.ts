import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPollBudget, pollsPerMinute, take, type Budget } from './poll-budget.ts';

/** Takes one after another at the given times, and answers when each may go. */
function polls(times: readonly number[], requests = 1): number[] {
  let budget: Budget | undefined;
  return times.map((now) => {
    const taken = take(budget, { now, requests, pace: 'poll' });
    ({ budget } = taken);
    return now + taken.waitMs;
  });
}

function most(times: readonly number[], withinMs: number): number {
  return Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + withinMs).length));
}

describe('the budget of polls', () => {
  it.each([
    { what: 'a look after a pause goes at once', level: 5, requests: 2, pace: 'poll', waitMs: 0, left: 3 },
    {
      what: 'one too many waits until it has come back',
      level: 0,
      requests: 1,
      pace: 'poll',
      waitMs: 4_000,
      left: -1,
    },
    { what: 'who comes later waits longer', level: -3, requests: 1, pace: 'poll', waitMs: 16_000, left: -4 },
    {
      what: 'what is done at once does not wait, and is counted',
      level: -3,
      requests: 2,
      pace: 'at-once',
      waitMs: 0,
      left: -5,
    },
    {
      what: 'it keeps polls away for a while only',
      level: -20,
      requests: 9,
      pace: 'at-once',
      waitMs: 0,
      left: -20,
    },
    { what: 'and takes nothing back', level: -33, requests: 1, pace: 'at-once', waitMs: 0, left: -33 },
  ] as const)('$what', ({ level, requests, pace, waitMs, left }) => {
    const taken = take({ level, at: 1_000 }, { now: 1_000, requests, pace });
    expect(taken).toEqual({ budget: { level: left, at: 1_000 }, waitMs });
  });

  it('lets no more than its number go in any minute, however many ask and whenever', () => {
    const asked = fc.array(fc.integer({ min: 0, max: 300_000 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(asked, (times) => {
        const went = polls(times.sort((one, other) => one - other));
        expect(most(went, 60_000)).toBeLessThanOrEqual(pollsPerMinute);
      }),
    );
  });

  it('is taken in the order in which they ask, so that none waits for ever', () => {
    const went = polls(Array.from({ length: 100 }, () => 0));
    expect(went).toEqual([...went].sort((one, other) => one - other));
    expect(went.at(-1)).toBeLessThan(7 * 60_000);
  });

  it('is one for each repository', () => {
    const budget = createPollBudget({ now: () => 0 });
    const poll = (repositoryId: string) => budget.take({ repositoryId, requests: 5, pace: 'poll' });
    expect([poll('a'), poll('a'), poll('b')]).toEqual([0, 20_000, 0]);
    expect([budget.delayOf('a'), budget.delayOf('b'), budget.delayOf('c')]).toEqual([24_000, 4_000, 0]);
  });
});
