import { expect, it } from 'vitest';
import { usageLines, windowLines } from './usage-command.ts';

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
    windows: [],
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
  const lines = usageLines({
    by: 'task',
    rows: [{ ...row, ...of, ...none }],
    more: 0,
    total: none,
    windows: [],
  });
  expect(lines[1]).toContain(`${is}  `);
});

it('tells what is used of the windows of each account, and how old that is', () => {
  const now = Date.parse('2026-11-21T12:00:00Z');
  const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
  const lines = windowLines(
    {
      windows: [
        {
          account: 'codex',
          window: '5h',
          usedPercent: 42.5,
          resetsAt: now + 90 * minute,
          toldAt: now - 2 * minute,
        },
        {
          account: 'codex',
          window: '7d',
          usedPercent: 7,
          resetsAt: now + 3 * day + hour,
          toldAt: now - 2 * minute,
        },
        { account: 'work', window: '5h', usedPercent: 99, resetsAt: now - hour, toldAt: now - 3 * hour },
        { account: 'work', window: '7d', usedPercent: null, resetsAt: null, toldAt: null },
      ],
    },
    now,
  );
  expect(lines).toEqual([
    '',
    'account  window  used  opens again  told',
    'codex    5h      43%   in 1h30m     2m0s ago',
    'codex    7d      7%    in 3d1h      2m0s ago',
    'work     5h      -     1h0m ago     3h0m ago',
    'work     7d      -     -            not told',
    'of the accounts themselves: use outside of the engine counts too',
  ]);
  expect(windowLines({ windows: [] }, now)).toEqual([]);
});
