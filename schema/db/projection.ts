import { and, eq, inArray, lt, sql } from 'drizzle-orm';
import type { ToldEvent } from '../contracts/told.ts';
import type { MissionView, NewEvent, Recorded, RecordedMission, TaskView } from '../contracts/views.ts';
import type { Queries } from './database.ts';
import { taskRows } from './missions.ts';
import { storable } from './storable.ts';
import { events, missions, reviews, sessions, tasks } from './tables.ts';

/** The channel on which each mission with new events is named. */
export const eventsChannel = 'mission_events';

export async function recordMission(queries: Queries, input: RecordedMission): Promise<void> {
  const { tenant, mission, seq, amended } = input;
  await queries.transaction(async (tx) => {
    await updateMission(tx, input);
    if (amended) await placeTasks(tx, { tenant, mission, ...amended });
    await appendEvents(tx, { tenant, mission, events: placed(input.events, { seq, task: null }) });
  });
}

/** After an amendment: what the plan has of new, in its order. What has begun tells of itself. */
export async function placeTasks(
  tx: Queries,
  of: { tenant: string; mission: string } & NonNullable<RecordedMission['amended']>,
): Promise<void> {
  const untold = sql`${tasks.viewSeq} = 0`;
  await tx
    .insert(tasks)
    .values(taskRows(of))
    .onConflictDoUpdate({
      target: [tasks.tenantId, tasks.missionId, tasks.id],
      set: {
        position: sql`excluded.position`,
        status: sql`case when ${untold} then excluded.status else ${tasks.status} end`,
        view: sql`case when ${untold} then excluded.view else ${tasks.view} end`,
      },
    });
}

/** What tells of a session or a review that the tables of these don't have yet. */
const addsDetails: ReadonlySet<NewEvent['type']> = new Set(['session-ended', 'reviewed']);

export async function recordTask(queries: Queries, input: Recorded<TaskView>): Promise<void> {
  const { tenant, mission, seq } = input;
  await queries.transaction(async (tx) => {
    await updateTask(tx, input);
    if (input.events.some(({ type }) => addsDetails.has(type))) await insertDetails(tx, input);
    await appendEvents(tx, { tenant, mission, events: placed(input.events, { seq, task: input.view.id }) });
  });
}

function placed(news: readonly NewEvent[], of: { seq: number; task: string | null }): PlacedEvent[] {
  return news.map((event, index) => ({ ...event, ...of, index }));
}

/** False: the row has this view already, or a newer one. */
export async function updateMission(tx: Queries, input: Recorded<MissionView>): Promise<boolean> {
  const { tenant, mission, seq, view } = storable(input);
  const end = input.events.find((event) => event.type === 'mission-ended');
  const updated = await tx
    .update(missions)
    .set({ view, viewSeq: seq, status: view.status, endedAt: end ? new Date(end.at) : null })
    .where(and(eq(missions.tenantId, tenant), eq(missions.id, mission), lt(missions.viewSeq, seq)))
    .returning({ id: missions.id });
  return updated.length > 0;
}

/** False: the row has this view already, or a newer one. */
export async function updateTask(tx: Queries, input: Omit<Recorded<TaskView>, 'events'>): Promise<boolean> {
  const { tenant, mission, seq, view } = storable(input);
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
  return updated.length > 0;
}

/** Adds the sessions and reviews of a task that are missing. Answers how many. */
export async function insertDetails(
  tx: Queries,
  of: { tenant: string; mission: string; view: TaskView },
): Promise<number> {
  const view = storable(of.view);
  const common = { tenantId: of.tenant, missionId: of.mission, taskId: view.id };
  let inserted = 0;
  if (view.sessions.length > 0) {
    const rows = view.sessions.map((session) => ({
      ...common,
      ...session,
      startedAt: new Date(session.startedAt),
      endedAt: new Date(session.endedAt),
    }));
    const added = await tx.insert(sessions).values(rows).onConflictDoNothing().returning({ id: sessions.id });
    inserted += added.length;
  }
  if (view.reviews.length > 0) {
    const rows = view.reviews.map((review) => ({ ...common, ...review }));
    const added = await tx.insert(reviews).values(rows).onConflictDoNothing().returning({ sha: reviews.sha });
    inserted += added.length;
  }
  return inserted;
}

/** An event and the workflow that told it; null is the mission itself. */
export type PlacedEvent = ToldEvent & { task: string | null };

/** Gives the events that are new their numbers, in the order given. Answers how many are new. */
export async function appendEvents(
  tx: Queries,
  of: { tenant: string; mission: string; events: readonly PlacedEvent[] },
): Promise<number> {
  if (of.events.length === 0) return 0;
  const rows = of.events.map(storable).map((event) => ({
    at: new Date(event.at).toISOString(),
    task: event.task,
    type: event.type,
    message: event.message,
    source: `${of.mission}/${event.task ?? ''}/${event.seq}/${event.index}`,
  }));
  const sources = rows.map((row) => row.source);
  // The row lock puts writers in line, so that readers never see a later event before an earlier one.
  const [mission] = await tx
    .select({ eventSeq: missions.eventSeq })
    .from(missions)
    .where(and(eq(missions.tenantId, of.tenant), eq(missions.id, of.mission)))
    .for('update');
  if (!mission) return 0;
  // Asked under the lock: what another writer has told meanwhile is seen.
  const known = await tx
    .select({ source: events.source })
    .from(events)
    .where(and(eq(events.tenantId, of.tenant), inArray(events.source, sources)));
  const seen = new Set(known.map((row) => row.source));
  // A workflow that was reset tells some things again.
  const fresh = rows.filter(({ source }) => !seen.has(source) && seen.add(source));
  if (fresh.length > 0) await insertEvents(tx, { ...of, after: mission.eventSeq, rows: fresh });
  return fresh.length;
}

/** Events, their count and the word to followers in one statement: this is what the database does most. */
async function insertEvents(
  tx: Queries,
  of: { tenant: string; mission: string; after: number; rows: readonly object[] },
): Promise<void> {
  const { tenant, mission, after } = of;
  const rows = JSON.stringify(of.rows.map((row, index) => ({ ...row, seq: after + index + 1 })));
  await tx.execute(sql`
    with told as (
      select * from jsonb_to_recordset(${rows}::jsonb)
        as told(seq integer, at timestamptz, task text, type text, message text, source text)
    ), added as (
      insert into ${events} (tenant_id, mission_id, seq, at, task_id, type, message, source)
      select ${tenant}, ${mission}, seq, at, task, type, message, source from told
    ), counted as (
      update ${missions} set event_seq = ${after + of.rows.length}
      where ${missions.tenantId} = ${tenant} and ${missions.id} = ${mission}
    )
    select pg_notify(${eventsChannel}, ${`${tenant}/${mission}`})`);
}
