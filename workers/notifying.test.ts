import { expect, it } from 'vitest';
import { until } from '../test/support/until.ts';
import { Closers } from './closers.ts';
import { keepNotifying } from './notifying.ts';

it('what is too old is dropped from the start, also where nobody outside is told, and after a failure', async () => {
  const closers = new Closers();
  const errors: string[] = [];
  let drained = 0;
  let pruned = 0;
  const prune = (): Promise<void> => {
    pruned += 1;
    return pruned === 1 ? Promise.reject(new Error('the database is away')) : Promise.resolve();
  };
  const drain = (): Promise<number> => {
    drained += 1;
    return Promise.resolve(0);
  };
  const notifier = { drain, prune, test: () => Promise.resolve([]) };
  const log = { error: (message: string) => errors.push(message) };
  keepNotifying({ notifier, ending: new AbortController(), log, closers });
  await until(() => drained === 2);
  await closers.close();
  expect(pruned).toBe(2);
  expect(errors).toEqual(['nobody outside is told']);
});
