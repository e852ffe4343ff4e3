import { randomBytes } from 'node:crypto';
import { and, eq, isNull, lt } from 'drizzle-orm';
import type { Queries } from './database.ts';
import { idempotencyKeys } from './tables.ts';

export type KeyRow = typeof idempotencyKeys.$inferSelect;

/** Claims a key for a body before the call is done. Answers the row that stands, which may have another body. */
export async function claimKey(
  queries: Queries,
  of: { hash: string; tenant: string; bodyHash: string },
): Promise<KeyRow & { begunBefore: boolean }> {
  const salt = randomBytes(32).toString('hex');
  const claimed = await queries
    .insert(idempotencyKeys)
    .values({ hash: of.hash, tenantId: of.tenant, bodyHash: of.bodyHash, salt })
    .onConflictDoNothing()
    .returning({ hash: idempotencyKeys.hash });
  const [row] = await queries.select().from(idempotencyKeys).where(eq(idempotencyKeys.hash, of.hash));
  // Whoever had claimed it was refused in between and has let it go.
  return row ? { ...row, begunBefore: claimed.length === 0 } : claimKey(queries, of);
}

/** Keeps the answer of a call that was done. The first one stays: whoever did the same at the same time gets it too. */
export async function keepAnswer(
  queries: Queries,
  of: { hash: string; status: number; body: string | null },
): Promise<Pick<KeyRow, 'status' | 'body'> | undefined> {
  const { status, body } = of;
  const open = and(eq(idempotencyKeys.hash, of.hash), isNull(idempotencyKeys.status));
  await queries.update(idempotencyKeys).set({ status, body }).where(open);
  const kept = { status: idempotencyKeys.status, body: idempotencyKeys.body };
  const [row] = await queries.select(kept).from(idempotencyKeys).where(eq(idempotencyKeys.hash, of.hash));
  return row;
}

/** Lets a key go: its call was refused, so nothing was done under it. */
export async function releaseKey(queries: Queries, of: { hash: string }): Promise<void> {
  await queries
    .delete(idempotencyKeys)
    .where(and(eq(idempotencyKeys.hash, of.hash), isNull(idempotencyKeys.status)));
}

export async function pruneKeys(queries: Queries, of: { before: Date }): Promise<void> {
  await queries.delete(idempotencyKeys).where(lt(idempotencyKeys.createdAt, of.before));
}
