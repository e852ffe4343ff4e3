import { expect, it } from 'vitest';
import { atLeast, atMost, part, toTable } from './rows.ts';

it('says whether a limit holds, on the limit too', () => {
  expect(atMost(110, { name: 'events', value: 110, unit: 'events' }).holds).toBe(true);
  expect(atMost(110, { name: 'events', value: 111, unit: 'events' }).holds).toBe(false);
  expect(atLeast(0.7, { name: 'ratio', value: 0.7, unit: 'ratio' }).holds).toBe(true);
  expect(atLeast(0.7, { name: 'ratio', value: 0.69, unit: 'ratio' }).holds).toBe(false);
});

it('judges the figure before it is rounded', () => {
  expect(atMost(1.5, { name: 'ratio', value: 1.50001, unit: 'ratio' })).toMatchObject({
    value: 1.5,
    holds: false,
  });
});

it('shows parts without a verdict', () => {
  const row = part({ name: 'git', value: 12, unit: 'ms' });
  expect(row).toMatchObject({ limit: null, holds: null });
  expect(toTable([row, atMost(1, { name: 'whole', value: 2, unit: 's' })])).toEqual([
    'git            12 ms',
    'whole           2 s         limit 1  MISSED',
  ]);
});
