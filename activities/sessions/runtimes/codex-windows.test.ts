import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codexRollout, recorded } from '../../../test/support/recordings.ts';
import { temporaryFolder } from '../../../test/support/temporary.ts';
import { findWindows, readWindows } from './codex-windows.ts';

const since = Date.UTC(2026, 10, 21, 21, 52, 51);

function note(of: { at?: string; rate_limits: unknown }): string {
  const { at = '2026-11-21T22:00:00.000Z', rate_limits } = of;
  return JSON.stringify({
    timestamp: at,
    type: 'event_msg',
    payload: { type: 'token_count', info: null, rate_limits },
  });
}

describe('what codex notes of its account’s windows', () => {
  it.each([
    { version: '0.166.0', since: Date.UTC(2026, 10, 22, 5, 0, 1) },
    { version: '0.169.0', since },
  ])('is in the file of the conversation, as $version writes it', async (of) => {
    const windows = [
      { window: '5h', usedPercent: 42.5, resetsAt: of.since + 2 * 3_600_000 },
      { window: '7d', usedPercent: 7, resetsAt: of.since + 3 * 86_400_000 },
    ];
    const home = await temporaryFolder();
    const day = join(home, 'sessions/2026/11/21');
    await mkdir(day, { recursive: true });
    await writeFile(
      join(day, 'rollout-2026-11-21T21-52-53-c1.jsonl'),
      recorded('codex', codexRollout, of.version).join('\n'),
    );
    await writeFile(join(day, 'rollout-2026-11-21T21-52-53-c2.jsonl'), '');
    const found = (conversation: string, folder = home) =>
      findWindows({ conversation, env: { CODEX_HOME: folder }, since: of.since });
    expect(await found('c1')).toEqual(windows);
    expect(await found('c2')).toEqual([]);
    expect(await found('c3')).toEqual([]);
    expect(await found('c1', join(home, 'none'))).toEqual([]);
  });

  const limit = { used_percent: 30, window_minutes: 300, resets_at: 9 };
  const told = { window: '5h', usedPercent: 30, resetsAt: 9_000 };

  it.each([
    {
      name: 'the last note that has any',
      lines: [note({ rate_limits: { primary: limit } }), note({ rate_limits: null }), '{"half'],
      is: [told],
    },
    {
      name: 'each window by its length, whichever comes first',
      lines: [
        note({
          rate_limits: { limit_id: 'codex', primary: { ...limit, window_minutes: 10_080 }, secondary: null },
        }),
      ],
      is: [{ ...told, window: '7d' }],
    },
    {
      name: 'null for the end where none is told',
      lines: [note({ rate_limits: { primary: { ...limit, resets_at: null } } })],
      is: [{ ...told, resetsAt: null }],
    },
    {
      name: 'nothing of a window of another length',
      lines: [note({ rate_limits: { primary: { ...limit, window_minutes: 43_200 } } })],
      is: [],
    },
    {
      name: 'nothing of a limit of another name',
      lines: [note({ rate_limits: { limit_id: 'other', primary: limit } })],
      is: [],
    },
    {
      name: 'nothing of earlier sessions',
      lines: [note({ at: '2026-11-21T21:00:00.000Z', rate_limits: { primary: limit } })],
      is: [],
    },
  ])('is $name', ({ lines, is }) => {
    expect(readWindows(lines.join('\n'), since)).toEqual(is);
  });
});
