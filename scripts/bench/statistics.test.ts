import { describe, expect, it } from 'vitest';
import { covered, median, percentile } from './statistics.ts';

describe('percentile', () => {
  it('is a value that was seen, whatever the order', () => {
    const values = [50, 10, 40, 20, 30];
    expect(median(values)).toBe(30);
    expect(percentile(values, 0.95)).toBe(50);
    expect(percentile(values, 0)).toBe(10);
  });

  it('takes the lower of two in the middle', () => {
    expect(median([4, 1, 3, 2])).toBe(2);
  });

  it('refuses an empty list', () => {
    expect(() => median([])).toThrow('nothing');
  });
});

describe('covered', () => {
  it('counts what overlaps once, and gaps not at all', () => {
    const intervals = [
      { from: 20, to: 25 },
      { from: 0, to: 10 },
      { from: 2, to: 4 },
      { from: 8, to: 12 },
    ];
    expect(covered(intervals)).toBe(17);
  });

  it('is nothing without intervals', () => {
    expect(covered([])).toBe(0);
  });
});
