import { and, eq, gt, inArray, max, ne, sql } from 'drizzle-orm';
import { isEnded } from '../contracts/gates.ts';
import { Host } from '../contracts/host.ts';
import { roleOfSession } from '../contracts/names.ts';
import type { TaskView } from '../contracts/views.ts';
import type { Queries } from './database.ts';
import { hosts, places, sessions } from './tables.ts';

export type PlaceRow = typeof places.$inferSelect;

/** A host with the agents at work there that the engine has not launched, by account. */
export type HostAndOutside = Host & { outside: Record<string, number> };

/** All that placing goes by: hosts, seats that are taken, and until when accounts are closed. */
export interface Seating {
  hosts: HostAndOutside[];
  places: PlaceRow[];
  /** In milliseconds since 1970. */
  closed: Map<string, number>;
}

/** For those who place sessions of a tenant at the same time: the last seat is given once. Held to the transaction's end. */
export async function lockSeating(tx: Queries, tenant: string): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`places/${tenant}`}, 0))`);
}

export async function readSeating(tx: Queries, tenant: string): Promise<Seating> {
  const rows = await tx.select().from(hosts).where(eq(hosts.tenantId, tenant)).orderBy(hosts.name);
  const taken = await tx.select().from(places).where(eq(places.tenantId, tenant));
  const until = max(sessions.closedUntil);
  const closed = await tx
    .select({ account: sessions.account, until })
    .from(sessions)
    .where(and(eq(sessions.tenantId, tenant), gt(sessions.closedUntil, sql`now()`)))
    .groupBy(sessions.account);
  return {
    hosts: rows.map(({ outside, ...row }) => ({
      ...Host.parse({ ...row, tenant, since: row.since.getTime(), seenAt: row.seenAt.getTime() }),
      outside,
    })),
    places: taken,
    closed: new Map(
      closed.flatMap(({ account, until: at }) => (account === null || !at ? [] : [[account, at.getTime()]])),
    ),
  };
}

type OfSession = Pick<PlaceRow, 'missionId' | 'taskId' | 'sessionId'>;

/** A task has one author at a time, and one session of each reviewer. */
export function isOfOneRole(one: OfSession, other: OfSession): boolean {
  return (
    one.missionId === other.missionId &&
    one.taskId === other.taskId &&
    roleOfSession(one.sessionId) === roleOfSession(other.sessionId)
  );
}

/** Its role's earlier sessions have left their places, also where that was not told yet. */
export async function takePlace(tx: Queries, place: Omit<PlaceRow, 'placedAt'>): Promise<void> {
  const { tenantId: tenant, missionId: mission, taskId: task, sessionId } = place;
  const ofRole = eq(sql`split_part(${places.sessionId}, '.', 3)`, roleOfSession(sessionId));
  const earlier = ne(places.sessionId, sessionId);
  await tx.delete(places).where(and(ofTask({ tenant, mission, task }), ofRole, earlier));
  await tx.insert(places).values(place);
}

export async function leavePlaces(
  tx: Queries,
  of: { tenant: string; mission: string; task: string },
): Promise<void> {
  await tx.delete(places).where(ofTask(of));
}

/** The places of sessions that have ended, and all of a task that has. */
export function freePlaces(queries: Queries, of: { tenant: string; mission: string; view: TaskView }) {
  const { tenant, mission, view } = of;
  const ended = inArray(places.sessionId, ['', ...view.sessions.map(({ id }) => id)]);
  const task = ofTask({ tenant, mission, task: view.id });
  return queries
    .delete(places)
    .where(isEnded(view.status) ? task : and(task, ended))
    .returning({ id: sql`1` });
}

function ofTask(of: { tenant: string; mission: string; task: string }) {
  return and(eq(places.tenantId, of.tenant), eq(places.missionId, of.mission), eq(places.taskId, of.task));
}
