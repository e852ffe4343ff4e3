import { describe, expect, it } from 'vitest';
import { createRandom, type Random } from './random.ts';

function draw(random: Random): number[] {
  return Array.from({ length: 50 }, () => random.between(1, 6));
}

describe('chance with a seed', () => {
  it('makes the same choices again, and others with another seed', () => {
    expect(draw(createRandom('a'))).toEqual(draw(createRandom('a')));
    expect(draw(createRandom('a'))).not.toEqual(draw(createRandom('b')));
  });

  it('reaches both ends of what it is asked for, and goes no further', () => {
    expect(new Set(draw(createRandom('dice')))).toEqual(new Set([1, 2, 3, 4, 5, 6]));
  });

  it('has streams of which one does not change another', () => {
    const undisturbed = createRandom('a').fork('kills');
    const disturbed = createRandom('a');
    draw(disturbed);
    expect(draw(disturbed.fork('kills'))).toEqual(draw(undisturbed));
  });

  it('picks nothing from nothing', () => {
    expect(createRandom('a').pick([])).toBeUndefined();
  });
});
