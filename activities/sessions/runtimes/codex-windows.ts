/** What codex notes of its account's rate limits: not in its output, but in the conversation's own file, its rollout. */
import { join } from 'node:path';
import { z } from 'zod';
import type { QuotaWindow } from '../../../schema/contracts/agent.ts';
import { readConversationFile } from './conversation-file.ts';
import { parseLine } from './reading.ts';
import type { ConversationNotes } from './runtime.ts';

const Limit = z.object({
  used_percent: z.number(),
  window_minutes: z.number().nullish(),
  /** In seconds since 1970. */
  resets_at: z.number().nullish(),
});
type Limit = z.infer<typeof Limit>;

const Note = z.object({
  timestamp: z.iso.datetime(),
  payload: z.object({
    type: z.literal('token_count'),
    rate_limits: z.object({
      // Limits of single models have other names.
      limit_id: z.literal('codex').nullish(),
      primary: Limit.nullish(),
      secondary: Limit.nullish(),
    }),
  }),
});

export async function findWindows({ conversation, env, since }: ConversationNotes): Promise<QuotaWindow[]> {
  const folder = join(env['CODEX_HOME'] ?? '', 'sessions');
  // `<year>/<month>/<day>/rollout-<time>-<conversation>.jsonl`, of the day on which the conversation was begun.
  return readWindows(await readConversationFile({ folder, conversation }), since);
}

/** The last note that is not older than the session. */
export function readWindows(rollout: string, since: number): QuotaWindow[] {
  for (const line of rollout.split('\n').reverse()) {
    const note = parseLine(Note, line);
    if (!note || Date.parse(note.timestamp) < since) continue;
    const { primary, secondary } = note.payload.rate_limits;
    const windows = [primary, secondary].flatMap((limit) => (limit ? windowOf(limit) : []));
    if (windows.length > 0) return windows;
  }
  return [];
}

/** Which of the two is primary says nothing of its length. A window of another length is none that we know. */
function windowOf({ used_percent, window_minutes, resets_at }: Limit): QuotaWindow[] {
  const window = window_minutes === 300 ? '5h' : window_minutes === 10_080 ? '7d' : undefined;
  if (window === undefined) return [];
  return [{ window, usedPercent: used_percent, resetsAt: resets_at == null ? null : resets_at * 1_000 }];
}
