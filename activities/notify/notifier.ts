import { createHash, randomUUID } from 'node:crypto';
import type { Notification, NotifyDesk, Told } from '../../schema/contracts/notify.ts';
import type { Queries } from '../../schema/db/database.ts';
import {
  claimNotifications,
  forgetNotification,
  pruneNotifications,
  putOffNotification,
  type NotificationRow,
} from '../../schema/db/notifications.ts';
import { wasTaken, type Listener, type Send } from './send.ts';

/** So many at once: a round with a few listeners that are away ends within the lease. */
const atOnce = 20;

/** Longer than a round mostly takes. If it takes longer, or we die in it, somebody may be told twice. */
const leaseSeconds = 60;

/** Who was away for an hour is asked seldom. */
const longestPauseSeconds = 60 * 60;

/** After a week nobody needs to hear of it any more; what still waits is in the inbox. */
const keptMs = 7 * 24 * 60 * 60 * 1_000;

export interface Notifier extends NotifyDesk {
  /** Tells what is due. Answers how many there were. */
  drain(): Promise<number>;
  prune(): Promise<void>;
}

/** Tells the outside what was written down for it: at least once, each time with the same id. */
export function createNotifier(deps: {
  queries: Queries;
  tenant: string;
  listeners: readonly Listener[];
  send: Send;
  warn: (message: string, fields: Record<string, unknown>) => void;
}): Notifier {
  const { queries, tenant, listeners, send, warn } = deps;
  return { drain, prune, test };

  async function drain(): Promise<number> {
    // What was written down for those who were named before waits for a week, should they come back.
    if (listeners.length === 0) return 0;
    const rows = await claimNotifications(queries, { tenant, limit: atOnce, leaseSeconds });
    const away = new Set<Listener>();
    for (const row of rows) await tellAll(row, away);
    return rows.length;
  }

  /** `away`: who has not answered in this round is not waited for again. */
  async function tellAll(
    { id, body, waiting, attempts }: NotificationRow,
    away: Set<Listener>,
  ): Promise<void> {
    const left: string[] = [];
    for (const listener of listeners) {
      const key = keyOf(listener);
      if (listener.events?.includes(body.kind) === false) continue;
      if (waiting !== null && !waiting.includes(key)) continue;
      if (!away.has(listener)) {
        const told = await send(listener, body);
        if (wasTaken(told)) continue;
        away.add(listener);
        warn('a notification was not taken', { notification: id, kind: body.kind, attempts, ...told });
      }
      left.push(key);
    }
    if (left.length === 0) return forgetNotification(queries, { id });
    const seconds = Math.min(2 ** (attempts - 1), longestPauseSeconds);
    await putOffNotification(queries, { id, waiting: left, seconds });
  }

  async function prune(): Promise<void> {
    const dropped = await pruneNotifications(queries, { tenant, before: new Date(Date.now() - keptMs) });
    if (dropped > 0) warn('notifications were given up after a week', { dropped });
  }

  async function test(): Promise<Told[]> {
    const notification: Notification = {
      version: 1,
      id: randomUUID(),
      kind: 'test',
      at: new Date().toISOString(),
      mission: null,
      task: null,
      message: 'a test: nothing has happened',
      inbox: [],
    };
    return Promise.all(listeners.map((listener) => send(listener, notification)));
  }
}

/** What stands in the database in place of an address, which may be a secret. */
function keyOf({ url }: Listener): string {
  return createHash('sha256').update(url).digest('hex');
}
