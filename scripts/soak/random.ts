/** Chance that can be repeated: the same seed makes the same choices in the same order. */
export interface Random {
  /** From 0 up to, but not including, 1. */
  next(): number;
  chance(probability: number): boolean;
  /** A whole number; both ends belong to it. */
  between(low: number, high: number): number;
  pick<T>(items: readonly T[]): T | undefined;
  /** A stream of its own, so that what one part draws does not change what another gets. */
  fork(name: string): Random;
}

export function createRandom(seed: string): Random {
  let state = hash(seed);
  return { next, chance, between, pick, fork };

  /** Mulberry32: enough for choices, nothing for secrets. */
  function next(): number {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  function chance(probability: number): boolean {
    return next() < probability;
  }

  function between(low: number, high: number): number {
    return low + Math.floor(next() * (high - low + 1));
  }

  function pick<T>(items: readonly T[]): T | undefined {
    return items[between(0, items.length - 1)];
  }

  function fork(name: string): Random {
    return createRandom(`${seed}/${name}`);
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return value >>> 0;
}
