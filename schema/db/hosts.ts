import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import { Host, type HostFacts, type HostRuntime, type HostState } from '../contracts/host.ts';
import type { Queries } from './database.ts';
import { hosts } from './tables.ts';

/** `fact` says who has the name; the message says too how to choose another one for an engine. */
export class HostNameTaken extends Error {
  override readonly name = 'HostNameTaken';
  readonly fact: string;
  constructor(fact: string) {
    super(`${fact}: choose another name with --host-name`);
    this.fact = fact;
  }
}

/**
 * Takes a host name for a data directory, for ever: what runs on it must find its sessions and clones there. Notes what
 * the host tells of itself, and that it is up. Throws, with the remedy, when another data directory has the name.
 */
export async function registerHost(queries: Queries, facts: HostFacts): Promise<void> {
  const { tenant: tenantId, ...host } = facts;
  const { name, identity, ...changing } = host;
  const [registered] = await queries
    .insert(hosts)
    .values({ ...host, tenantId })
    .onConflictDoUpdate({
      target: hosts.name,
      set: { ...changing, state: 'up', since: sinceChange('up'), seenAt: sql`now()` },
      setWhere: sql`${hosts.identity} = ${identity} and ${hosts.tenantId} = ${tenantId}`,
    })
    .returning({ name: hosts.name });
  if (registered) return;
  const [owner] = await queries.select().from(hosts).where(eq(hosts.name, name));
  const who = owner ? ` on ${owner.machine}, last seen ${owner.seenAt.toISOString()}` : '';
  throw new HostNameTaken(`the host name ${name} belongs to another data directory${who}`);
}

/** Notes that the host is served, and what has changed there. */
export async function touchHost(
  queries: Queries,
  of: { name: string; identity: string; outside?: Record<string, number>; runtimes?: HostRuntime[] },
): Promise<void> {
  const { name, identity, ...changed } = of;
  await queries
    .update(hosts)
    .set({ seenAt: sql`now()`, ...changed })
    .where(and(eq(hosts.name, name), eq(hosts.identity, identity)));
}

/** Notes what has become of a host. */
export async function recordHostState(
  queries: Queries,
  of: { name: string; identity: string; state: HostState },
): Promise<void> {
  const { name, identity, state } = of;
  await queries
    .update(hosts)
    .set({ state, since: sinceChange(state), ...(state === 'up' ? { seenAt: sql`now()` } : {}) })
    .where(and(eq(hosts.name, name), eq(hosts.identity, identity)));
}

/** The hosts of a tenant by their names, or only those that are named. */
export async function listHosts(
  queries: Queries,
  of: { tenant: string; names?: readonly string[] },
): Promise<Host[]> {
  const { tenant, names } = of;
  const rows = await queries
    .select()
    .from(hosts)
    .where(and(eq(hosts.tenantId, tenant), names === undefined ? undefined : inArray(hosts.name, [...names])))
    .orderBy(asc(hosts.name));
  return rows.map((row) =>
    Host.parse({ ...row, tenant, since: row.since.getTime(), seenAt: row.seenAt.getTime() }),
  );
}

function sinceChange(state: HostState) {
  return sql`case when ${hosts.state} = ${state} then ${hosts.since} else now() end`;
}
