import { describe, expect, it } from 'vitest';
import { storable } from './storable.ts';

describe('what Postgres can keep', () => {
  it.each([
    { name: 'a NUL', value: 'a\0b', kept: 'a\uFFFDb' },
    { name: 'half of a surrogate pair', value: 'a\ud800', kept: 'a\uFFFD' },
    { name: 'a whole pair', value: '🚦', kept: '🚦' },
    { name: 'text in a list in an object', value: { a: ['\0', 1, null] }, kept: { a: ['\uFFFD', 1, null] } },
    { name: 'numbers, booleans and null', value: [1, true, null], kept: [1, true, null] },
  ])('$name', ({ value, kept }) => {
    expect(storable(value)).toEqual(kept);
  });
});
