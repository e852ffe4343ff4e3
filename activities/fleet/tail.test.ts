import { expect, it } from 'vitest';
import { newLines, written } from './tail.ts';

it.each([
  { what: 'what was added', seen: ['a', 'b'], now: ['a', 'b', 'c'], told: ['c'] },
  {
    what: 'what has come while the first lines went',
    seen: ['a', 'b', 'c'],
    now: ['b', 'c', 'd'],
    told: ['d'],
  },
  { what: 'nothing, where nothing has changed', seen: ['a', 'b'], now: ['a', 'b'], told: [] },
  { what: 'everything, where all is drawn anew', seen: ['a', 'b'], now: ['x', 'y'], told: ['x', 'y'] },
  { what: 'everything at first', seen: [], now: ['a'], told: ['a'] },
])('tells $what', ({ seen, now, told }) => {
  expect(newLines(seen, now)).toEqual(told);
});

it('leaves out the empty rest of a screen', () => {
  expect(written(['', 'a  ', '', 'b', '', '  '])).toEqual(['', 'a', '', 'b']);
});
