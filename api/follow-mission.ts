import type { Context } from 'hono';
import { streamSSE } from 'hono/streaming';
import { readEvents } from '../schema/db/missions.ts';
import type { ApiEnv } from './auth.ts';
import type { ApiDeps } from './deps.ts';
import { requireMission } from './missions.ts';

/** Proxies and browsers drop a stream that is silent for long. */
const keepAliveMs = 15_000;

const eventsPage = 500;

/** Streams a mission's events from the one after `after`, to the end of the mission or, without `follow`, of what there is. */
export function followMission(
  context: Context<ApiEnv>,
  deps: ApiDeps,
  of: { tenant: string; mission: string; after: number; follow: boolean },
): Response {
  return streamSSE(context, async (stream) => {
    let after = of.after;
    let wake: () => void = () => undefined;
    const unsubscribe = deps.events.subscribe(of, () => wake());
    stream.onAbort(() => wake());
    try {
      while (!stream.aborted) {
        // Made before we look, so that what happens in between is not slept through.
        const woken = new Promise<void>((resolve) => (wake = resolve));
        const news = await readEvents(deps.queries, { ...of, after, limit: eventsPage });
        for (const event of news) {
          await stream.writeSSE({ id: String(event.seq), event: event.type, data: JSON.stringify(event) });
          after = event.seq;
        }
        if (news.some((event) => event.type === 'mission-ended')) return;
        if (news.length === eventsPage) continue;
        if (!of.follow) return;
        // Whoever resumes after the last event would wait for ever.
        if (news.length === 0 && (await requireMission(deps, of)).endedAt !== null) return;
        if (await timesOut(woken, keepAliveMs)) await stream.write(': alive\n\n');
      }
    } finally {
      unsubscribe();
    }
  });
}

async function timesOut(promise: Promise<void>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(true), ms);
  });
  try {
    return await Promise.race([promise.then(() => false), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
