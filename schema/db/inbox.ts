import { and, eq, sql } from 'drizzle-orm';
import { itemsOfMission, itemsOfTask, WaitingTask, type InboxItem } from '../contracts/inbox.ts';
import { MissionView } from '../contracts/views.ts';
import type { Queries } from './database.ts';
import { missions, tasks } from './tables.ts';

/**
 * All that waits for a person, the oldest first. It is put together from the rows of the tasks that wait: as many as
 * people can't keep up with, and what is heavy in them is left where it is.
 */
export async function readInbox(
  queries: Queries,
  of: { tenant: string; mission?: string | undefined },
): Promise<InboxItem[]> {
  const { tenant, mission } = of;
  const waiting = await queries
    .select({
      mission: tasks.missionId,
      view: sql<unknown>`${tasks.view} - '{sessions,reviews,waited}'::text[]`,
    })
    .from(tasks)
    .where(
      and(
        eq(tasks.tenantId, tenant),
        mission === undefined ? undefined : eq(tasks.missionId, mission),
        // Written out, or the planner would not see that its index is partial to the same words.
        sql`${tasks.waitsFor} = 'person'`,
      ),
    );
  const paused = await queries
    .select({ view: missions.view })
    .from(missions)
    .where(
      and(
        eq(missions.tenantId, tenant),
        eq(missions.status, 'paused'),
        mission === undefined ? undefined : eq(missions.id, mission),
      ),
    );
  return [
    ...waiting.flatMap((row) => itemsOfTask({ mission: row.mission, view: WaitingTask.parse(row.view) })),
    ...paused.flatMap(({ view }) => itemsOfMission(MissionView.parse(view))),
  ].sort(oldestFirst);
}

export function oldestFirst(a: Pick<InboxItem, 'since' | 'id'>, b: Pick<InboxItem, 'since' | 'id'>): number {
  if (a.since !== b.since) return a.since - b.since;
  if (a.id === b.id) return 0;
  return a.id < b.id ? -1 : 1;
}
