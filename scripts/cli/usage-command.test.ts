import { expect, it } from 'vitest';
import { usageLines } from './usage-command.ts';

const sum = { sessions: 2, inputTokens: 1_234_567, cachedTokens: 1_000_000, outputTokens: 8_900 };
const row = { mission: null, task: null, session: null, runtime: null, model: null, outcome: null };

it('is a table of sums with its total, and says what the money leaves out', () => {
  const codex = { ...sum, costUsd: null, unpriced: 2, seconds: 59.6 };
  const pi = { ...sum, sessions: 1, costUsd: 1.5, unpriced: 0, seconds: 7_260 };
  const lines = usageLines({
    by: 'runtime',
    rows: [
      { ...row, runtime: 'codex', model: 'gpt-5.5', ...codex },
      { ...row, runtime: 'pi', ...pi },
    ],
    more: 1,
    total: { ...sum, sessions: 4, costUsd: 1.5, unpriced: 2, seconds: 7_320 },
  });
  expect(lines).toEqual([
    'runtime        sessions  tokens read     cached  written    cost  time',
    'codex gpt-5.5         2    1,234,567  1,000,000    8,900      -*  1m0s',
    'pi                    1    1,234,567  1,000,000    8,900   $1.50  2h1m',
    'and 1 more, which used less',
    'total                 4    1,234,567  1,000,000    8,900  $1.50*  2h2m',
    '* leaves out sessions that told no price: 2',
  ]);
});

it.each([
  {
    of: { mission: 'm', task: 'A', session: 'm.A.author.1', runtime: 'pi', outcome: 'done' },
    is: 'm.A.author.1  pi  done',
  },
  { of: { mission: 'm', task: 'A' }, is: 'm A' },
  { of: { mission: 'm' }, is: 'm' },
])('names a row by $is', ({ of, is }) => {
  const none = { ...sum, costUsd: null, unpriced: 0, seconds: 0 };
  const lines = usageLines({ by: 'task', rows: [{ ...row, ...of, ...none }], more: 0, total: none });
  expect(lines[1]).toContain(`${is}  `);
});
