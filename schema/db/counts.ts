import { count, sql } from 'drizzle-orm';
import type { Queries } from './database.ts';
import { effects, missions, tasks } from './tables.ts';

/** How much there is of everything, over all tenants. */
export interface Counts {
  missions: { status: string; count: number }[];
  tasks: { status: string; count: number }[];
  /** Tasks that wait, by for whom. */
  waiting: { for: string; count: number }[];
  effects: { kind: string; state: string; count: number }[];
}

export async function readCounts(queries: Queries): Promise<Counts> {
  // An effect's key begins with its kind.
  const kind = sql<string>`split_part(${effects.key}, ':', 1)`;
  const waitsFor = sql<string>`${tasks.waitsFor}`;
  return {
    missions: await queries
      .select({ status: missions.status, count: count() })
      .from(missions)
      .groupBy(missions.status),
    tasks: await queries.select({ status: tasks.status, count: count() }).from(tasks).groupBy(tasks.status),
    waiting: await queries
      .select({ for: waitsFor, count: count() })
      .from(tasks)
      .where(sql`${tasks.waitsFor} is not null`)
      .groupBy(tasks.waitsFor),
    effects: await queries
      .select({ kind, state: effects.state, count: count() })
      .from(effects)
      .groupBy(kind, effects.state),
  };
}
