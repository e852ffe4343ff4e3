import { and, eq, inArray, lt, sql } from 'drizzle-orm';
import {
  initialTaskView,
  type NewEvent,
  type Recorded,
  type RecordedMission,
  type TaskView,
} from '../contracts/views.ts';
import type { Queries } from './database.ts';
import { storable } from './storable.ts';
import { isOpen } from '../contracts/gates.ts';
import { events, missions, reviews, sessions, tasks } from './tables.ts';

/** The channel on which each mission with new events is named. */
export const eventsChannel = 'mission_events';

export async function recordMission(queries: Queries, input: RecordedMission): Promise<void> {
  const { tenant, mission, seq, view, amended } = storable(input);
  await queries.transaction(async (tx) => {
    await tx
      .update(missions)
      .set({
        view,
        viewSeq: seq,
        status: view.status,
        endedAt: isOpen(view.status) ? null : sql`coalesce(${missions.endedAt}, now())`,
      })
      .where(and(eq(missions.tenantId, tenant), eq(missions.id, mission), lt(missions.viewSeq, seq)));
    if (amended) await placeTasks(tx, { tenant, mission, ...amended });
    await appendEvents(tx, { tenant, mission, task: null, seq, news: input.events });
  });
}

/** After an amendment: what the plan has of new, in its order. What has begun tells of itself. */
async function placeTasks(
  tx: Queries,
  of: { tenant: string; mission: string } & NonNullable<RecordedMission['amended']>,
): Promise<void> {
  const rows = of.tasks.map(({ status, ...task }, position) => ({
    tenantId: of.tenant,
    missionId: of.mission,
    id: task.id,
    host: of.host,
    position,
    status,
    view: { ...initialTaskView({ mission: of.mission, ...task }), status },
  }));
  const untold = sql`${tasks.viewSeq} = 0`;
  await tx
    .insert(tasks)
    .values(rows)
    .onConflictDoUpdate({
      target: [tasks.tenantId, tasks.missionId, tasks.id],
      set: {
        position: sql`excluded.position`,
        status: sql`case when ${untold} then excluded.status else ${tasks.status} end`,
        view: sql`case when ${untold} then excluded.view else ${tasks.view} end`,
      },
    });
}

export async function recordTask(queries: Queries, input: Recorded<TaskView>): Promise<void> {
  const { tenant, mission, seq, view } = storable(input);
  await queries.transaction(async (tx) => {
    const updated = await tx
      .update(tasks)
      .set({ view, viewSeq: seq, status: view.status, waitsFor: view.waits?.for ?? null })
      .where(
        and(
          eq(tasks.tenantId, tenant),
          eq(tasks.missionId, mission),
          eq(tasks.id, view.id),
          lt(tasks.viewSeq, seq),
        ),
      )
      .returning({ id: tasks.id });
    if (updated.length > 0) await recordDetails(tx, { tenant, mission, view });
    await appendEvents(tx, { tenant, mission, task: view.id, seq, news: input.events });
  });
}

async function recordDetails(
  tx: Queries,
  of: { tenant: string; mission: string; view: TaskView },
): Promise<void> {
  const common = { tenantId: of.tenant, missionId: of.mission, taskId: of.view.id };
  if (of.view.sessions.length > 0) {
    const rows = of.view.sessions.map((session) => ({
      ...common,
      ...session,
      startedAt: new Date(session.startedAt),
      endedAt: new Date(session.endedAt),
    }));
    await tx.insert(sessions).values(rows).onConflictDoNothing();
  }
  if (of.view.reviews.length > 0) {
    const rows = of.view.reviews.map((review) => ({ ...common, ...review }));
    await tx.insert(reviews).values(rows).onConflictDoNothing();
  }
}

async function appendEvents(
  tx: Queries,
  of: { tenant: string; mission: string; task: string | null; seq: number; news: NewEvent[] },
): Promise<void> {
  if (of.news.length === 0) return;
  const thisMission = and(eq(missions.tenantId, of.tenant), eq(missions.id, of.mission));
  // The row lock puts writers in line, so that readers never see a later event before an earlier one.
  const [mission] = await tx
    .select({ eventSeq: missions.eventSeq })
    .from(missions)
    .where(thisMission)
    .for('update');
  if (!mission) return;
  const rows = storable(of.news).map((event, index) => ({
    tenantId: of.tenant,
    missionId: of.mission,
    taskId: of.task,
    at: new Date(event.at),
    type: event.type,
    message: event.message,
    source: `${of.mission}/${of.task ?? ''}/${of.seq}/${index}`,
  }));
  const known = await tx
    .select({ source: events.source })
    .from(events)
    .where(
      and(
        eq(events.tenantId, of.tenant),
        inArray(
          events.source,
          rows.map((row) => row.source),
        ),
      ),
    );
  const seen = new Set(known.map((row) => row.source));
  const fresh = rows.filter((row) => !seen.has(row.source));
  if (fresh.length === 0) return;
  await tx.insert(events).values(fresh.map((row, index) => ({ ...row, seq: mission.eventSeq + index + 1 })));
  await tx
    .update(missions)
    .set({ eventSeq: mission.eventSeq + fresh.length })
    .where(thisMission);
  await tx.execute(sql`select pg_notify(${eventsChannel}, ${`${of.tenant}/${of.mission}`})`);
}
