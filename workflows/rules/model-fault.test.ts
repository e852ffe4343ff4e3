import { describe, expect, it } from 'vitest';
import { pauseAfterModelError, quotaOpensAt } from './model-fault.ts';

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

describe('a model that fails', () => {
  it.each([
    [1, 1],
    [2, 2],
    [5, 16],
    [6, 30],
    [60, 30],
  ])('for time %i is left alone for %i minutes', (times, minutes) => {
    expect(pauseAfterModelError(times)).toBe(minutes * minute);
  });
});
