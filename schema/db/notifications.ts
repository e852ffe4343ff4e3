import { and, eq, lt, sql } from 'drizzle-orm';
import type { Queries } from './database.ts';
import { notifications } from './tables.ts';

export type NotificationRow = typeof notifications.$inferSelect;

/**
 * Takes what is due, the oldest first. Nobody else takes it before the lease is over; if we die until then, somebody
 * does afterwards.
 */
export async function claimNotifications(
  queries: Queries,
  of: { tenant: string; limit: number; leaseSeconds: number },
): Promise<NotificationRow[]> {
  const rows = await queries
    .update(notifications)
    .set({
      attempts: sql`${notifications.attempts} + 1`,
      nextAt: sql`now() + make_interval(secs => ${of.leaseSeconds})`,
    })
    .where(
      sql`${notifications.id} in (
        select id from ${notifications} where tenant_id = ${of.tenant} and next_at <= now()
        order by next_at limit ${of.limit} for update skip locked
      )`,
    )
    .returning();
  return rows.sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
}

export async function forgetNotification(queries: Queries, of: { id: string }): Promise<void> {
  await queries.delete(notifications).where(eq(notifications.id, of.id));
}

/** Those who have not taken it are told again. */
export async function putOffNotification(
  queries: Queries,
  of: { id: string; waiting: string[]; seconds: number },
): Promise<void> {
  const { id, waiting, seconds } = of;
  const nextAt = sql`now() + make_interval(secs => ${seconds})`;
  await queries.update(notifications).set({ waiting, nextAt }).where(eq(notifications.id, id));
}

/** Answers how many there were. */
export async function pruneNotifications(
  queries: Queries,
  of: { tenant: string; before: Date },
): Promise<number> {
  const pruned = await queries
    .delete(notifications)
    .where(and(eq(notifications.tenantId, of.tenant), lt(notifications.createdAt, of.before)))
    .returning({ id: notifications.id });
  return pruned.length;
}
