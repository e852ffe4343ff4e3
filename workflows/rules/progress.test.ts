import { expect, it } from 'vitest';
import { doneInVain, type Attempt } from './progress.ts';

function done(head: string | null): Attempt {
  return { done: true, head };
}

it.each<{ name: string; attempts: Attempt[]; inVain: number }>([
  { name: 'none', attempts: [], inVain: 0 },
  { name: 'the first commits', attempts: [done('a')], inVain: 0 },
  { name: 'no commits, once and again', attempts: [done(null), done(null)], inVain: 2 },
  { name: 'commits, then nothing more', attempts: [done('a'), done('a'), done('a')], inVain: 2 },
  { name: 'a new head each time', attempts: [done('a'), done('b'), done('c')], inVain: 0 },
  { name: 'a new head after a while', attempts: [done('a'), done('a'), done('b')], inVain: 0 },
  { name: 'a head that is gone', attempts: [done('a'), done(null)], inVain: 0 },
  { name: 'somebody who did not say done', attempts: [done('a'), { done: false, head: 'a' }], inVain: 0 },
  {
    name: 'only those since then',
    attempts: [done('a'), { done: false, head: 'a' }, done('a')],
    inVain: 1,
  },
])('counts who is done in vain: $name', ({ attempts, inVain }) => {
  expect(doneInVain(attempts)).toBe(inVain);
});
