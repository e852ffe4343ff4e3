import { and, desc, eq, lt } from 'drizzle-orm';
import type { Queries } from './database.ts';
import { audit } from './tables.ts';

export type AuditRow = typeof audit.$inferSelect;

/** Writes down a call before it is done; `completeCall` adds what came of it. */
export async function recordCall(
  queries: Queries,
  of: Omit<typeof audit.$inferInsert, 'at' | 'status'>,
): Promise<number> {
  const [row] = await queries.insert(audit).values(of).returning({ id: audit.id });
  if (!row) throw new Error('the audit row vanished in its own statement');
  return row.id;
}

export async function completeCall(queries: Queries, of: { id: number; status: number }): Promise<void> {
  await queries.update(audit).set({ status: of.status }).where(eq(audit.id, of.id));
}

/** One page of calls, newest first, before the one that `before` names. */
export async function listCalls(
  queries: Queries,
  of: { tenant: string; caller: string | undefined; before: number | undefined; limit: number },
): Promise<AuditRow[]> {
  const { tenant, caller, before } = of;
  return queries
    .select()
    .from(audit)
    .where(
      and(
        eq(audit.tenantId, tenant),
        caller === undefined ? undefined : eq(audit.caller, caller),
        before === undefined ? undefined : lt(audit.id, before),
      ),
    )
    .orderBy(desc(audit.id))
    .limit(of.limit);
}
