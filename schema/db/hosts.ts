import { and, eq, sql } from 'drizzle-orm';
import type { Queries } from './database.ts';
import { hosts } from './tables.ts';

export type Host = Pick<typeof hosts.$inferInsert, 'name' | 'tenantId' | 'identity' | 'machine' | 'pid'>;

/**
 * Takes a host name for a data directory, for ever: what runs on it must find its sessions and clones there.
 * Throws, with the remedy, when another data directory has it.
 */
export async function registerHost(queries: Queries, host: Host): Promise<void> {
  const { machine, pid } = host;
  const [registered] = await queries
    .insert(hosts)
    .values(host)
    .onConflictDoUpdate({
      target: hosts.name,
      set: { machine, pid, seenAt: sql`now()` },
      setWhere: eq(hosts.identity, host.identity),
    })
    .returning({ name: hosts.name });
  if (registered) return;
  const [owner] = await queries.select().from(hosts).where(eq(hosts.name, host.name));
  const who = owner ? ` on ${owner.machine}, last seen ${owner.seenAt.toISOString()}` : '';
  throw new Error(
    `the host name ${host.name} belongs to another data directory${who}: choose another name with --host-name`,
  );
}

/** Notes that the host is served. */
export async function touchHost(queries: Queries, of: { name: string; identity: string }): Promise<void> {
  await queries
    .update(hosts)
    .set({ seenAt: sql`now()` })
    .where(and(eq(hosts.name, of.name), eq(hosts.identity, of.identity)));
}
