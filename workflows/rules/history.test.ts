import { describe, expect, it } from 'vitest';
import { mayContinueAsNew, mustDrain } from './history.ts';

describe('a mission’s history', () => {
  it.each([
    { historyLength: 300, continueAsNewSuggested: false, may: false, drain: false },
    { historyLength: 4_096, continueAsNewSuggested: true, may: true, drain: false },
    { historyLength: 20_000, continueAsNewSuggested: true, may: true, drain: false },
    { historyLength: 20_001, continueAsNewSuggested: true, may: true, drain: true },
    { historyLength: 30_000, continueAsNewSuggested: false, may: false, drain: false },
  ])(
    'of $historyLength events, hint $continueAsNewSuggested: may end the run $may, starts nothing more $drain',
    ({ may, drain, ...history }) => {
      expect(mayContinueAsNew(history)).toBe(may);
      expect(mustDrain(history)).toBe(drain);
    },
  );
});
