import { createHash } from 'node:crypto';
import { and, DrizzleQueryError, eq, lt, sql, type SQL, type SQLWrapper } from 'drizzle-orm';
import { z } from 'zod';
import { isEnded } from '../contracts/gates.ts';
import { itemsOfMission, itemsOfTask, type InboxItem } from '../contracts/inbox.ts';
import { notificationOf, type Notification, type NotificationKind } from '../contracts/notify.ts';
import type { Plan } from '../contracts/plan.ts';
import type { SessionSummary } from '../contracts/session.ts';
import type { ToldEvent } from '../contracts/told.ts';
import {
  needsPerson,
  type MissionView,
  type NewEvent,
  type Recorded,
  type RecordedMission,
  type TaskView,
} from '../contracts/views.ts';
import type { Queries } from './database.ts';
import { taskRows } from './missions.ts';
import { freePlaces } from './places.ts';
import { storable } from './storable.ts';
import { events, missions, notifications, reviews, sessions, tasks } from './tables.ts';

/** The channel on which each mission with new events is named. */
export const eventsChannel = 'mission_events';

/** What of it is told to the outside: nothing, where nobody listens. */
type ToldOutside = ReadonlySet<NotificationKind>;
const nothing: ToldOutside = new Set();

export async function recordMission(
  queries: Queries,
  input: RecordedMission,
  kinds: ToldOutside = nothing,
): Promise<void> {
  const { tenant, mission, seq, amended } = input;
  const outside = { kinds, inbox: itemsOfMission(input.view) };
  await againIfTold(() =>
    queries.transaction(async (tx) => {
      await updateMission(tx, amended?.plan ? { ...input, plan: amended.plan } : input);
      if (amended) await placeTasks(tx, { tenant, mission, ...amended });
      const events = placed(input.events, { seq, task: null });
      await appendEvents(tx, { tenant, mission, events, outside });
    }),
  );
}

/** After an amendment: what the plan has of new, in its order. What has begun tells of itself. */
export async function placeTasks(
  tx: Queries,
  of: { tenant: string; mission: string } & Pick<NonNullable<RecordedMission['amended']>, 'host' | 'tasks'>,
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

/** In one statement: this is what the database does most. */
export async function recordTask(
  queries: Queries,
  input: Recorded<TaskView>,
  kinds: ToldOutside = nothing,
): Promise<void> {
  const { tenant, mission, seq, view } = input;
  const hasDetails = input.events.some(({ type }) => addsDetails.has(type));
  const over = hasDetails || isEnded(view.status);
  const also = [
    taskUpdate(queries, input),
    ...(hasDetails ? detailInserts(queries, input) : []),
    ...(over ? [freePlaces(queries, { tenant, mission, view })] : []),
  ];
  const events = placed(input.events, { seq, task: view.id });
  const outside = { kinds, inbox: itemsOfTask({ mission, view }) };
  await againIfTold(() => queries.execute(telling({ tenant, mission, events, also, outside })));
}

/**
 * Two attempts of an activity may tell the same at once, and neither sees what the other has not committed: the later
 * one is refused by the index on sources, looks again, and finds it told.
 */
export async function againIfTold<T>(tell: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await tell();
    } catch (error) {
      if (tries === 3 || !isToldAlready(error)) throw error;
    }
  }
}

function isToldAlready(error: unknown): boolean {
  const cause = error instanceof DrizzleQueryError ? error.cause : undefined;
  return cause !== undefined && 'constraint' in cause && cause.constraint === 'events_source';
}

function placed(news: readonly NewEvent[], of: { seq: number; task: string | null }): PlacedEvent[] {
  return news.map((event, index) => ({ ...event, ...of, index }));
}

/** Without a plan it keeps the one that it has. False: the row has this view already, or a newer one. */
export async function updateMission(
  tx: Queries,
  input: Recorded<MissionView> & { plan?: Plan },
): Promise<boolean> {
  const { tenant, mission, seq, view, plan } = storable(input);
  const end = input.events.find((event) => event.type === 'mission-ended');
  const updated = await tx
    .update(missions)
    .set({
      ...{ view, viewSeq: seq, status: view.status, endedAt: end ? new Date(end.at) : null },
      ...(plan === undefined ? {} : { plan }),
    })
    .where(and(eq(missions.tenantId, tenant), eq(missions.id, mission), lt(missions.viewSeq, seq)))
    .returning({ id: missions.id });
  return updated.length > 0;
}

/** False: the row has this view already, or a newer one. */
export async function updateTask(tx: Queries, input: Omit<Recorded<TaskView>, 'events'>): Promise<boolean> {
  return (await taskUpdate(tx, input)).length > 0;
}

function taskUpdate(tx: Queries, input: Omit<Recorded<TaskView>, 'events'>) {
  const { tenant, mission, seq, view } = storable(input);
  const older = and(
    eq(tasks.tenantId, tenant),
    eq(tasks.missionId, mission),
    eq(tasks.id, view.id),
    lt(tasks.viewSeq, seq),
  );
  const waitsFor = needsPerson(view) ? 'person' : (view.waits?.for ?? null);
  return tx
    .update(tasks)
    .set({ view, viewSeq: seq, status: view.status, waitsFor })
    .where(older)
    .returning({ id: tasks.id });
}

interface Details {
  tenant: string;
  mission: string;
  view: TaskView;
}

/** Adds the sessions and reviews of a task that are missing or were other ones. Answers how many. */
export async function insertDetails(tx: Queries, of: Details): Promise<number> {
  let inserted = 0;
  for (const insert of detailInserts(tx, of)) inserted += (await insert).length;
  return inserted;
}

function detailInserts(tx: Queries, of: Details) {
  const view = storable(of.view);
  const common = { tenantId: of.tenant, missionId: of.mission, taskId: view.id };
  const ended = view.sessions.map((session) => ({ ...common, ...sessionRow(session) }));
  const reviewed = view.reviews.map((review) => ({ ...common, ...review }));
  const id = { id: sql`1` };
  return [
    ...(ended.length > 0 ? [tx.insert(sessions).values(ended).onConflictDoNothing().returning(id)] : []),
    ...(reviewed.length > 0 ? [insertReviews(tx, reviewed).returning(id)] : []),
  ];
}

/** A head that an engine has read again has its newer word. */
function insertReviews(tx: Queries, rows: (typeof reviews.$inferInsert)[]) {
  const { tenantId, missionId, taskId, engine, sha, verdict, summary } = reviews;
  return tx
    .insert(reviews)
    .values(rows)
    .onConflictDoUpdate({
      target: [tenantId, missionId, taskId, engine, sha],
      set: {
        verdict: sql`excluded.verdict`,
        summary: sql`excluded.summary`,
        findings: sql`excluded.findings`,
      },
      setWhere: sql`${verdict} <> excluded.verdict or ${summary} <> excluded.summary`,
    });
}

function sessionRow({ agent, startedAt, endedAt, closedUntil, ...session }: SessionSummary) {
  const row = {
    ...session,
    startedAt: new Date(startedAt),
    endedAt: new Date(endedAt),
    closedUntil: closedUntil === undefined ? null : new Date(closedUntil),
  };
  if (!agent) return row;
  const { outcome, model, usage, windows = null, version = null } = agent;
  const { costUsd: cost, ...tokens } = usage;
  return { ...row, outcome, model: model ?? null, ...tokens, cost, windows, version };
}

/** An event and the workflow that told it; null is the mission itself. */
export type PlacedEvent = ToldEvent & { task: string | null };

interface Telling {
  tenant: string;
  mission: string;
  events: readonly PlacedEvent[];
  /** Missing where the read model is rebuilt: the outside was told long ago. */
  outside?: { kinds: ToldOutside; inbox: InboxItem[] };
}

const Added = z.object({ rows: z.array(z.object({ added: z.number() })) });

/** Gives the events that are new their numbers, in the order given. Answers how many are new. */
export async function appendEvents(tx: Queries, of: Telling): Promise<number> {
  if (of.events.length === 0) return 0;
  const { rows } = Added.parse(await tx.execute(telling(of)));
  return rows[0]?.added ?? 0;
}

/**
 * Events that are not known yet, their count, the word to followers, and whatever is told with them. The update of the
 * mission's row puts writers in line, so that readers never see a later event before an earlier one. A workflow that was
 * reset tells some things twice.
 */
function telling(of: Telling & { also?: readonly SQLWrapper[] }): SQL {
  const { tenant, mission, also = [] } = of;
  const told = of.events.map(storable).map((event, place) => {
    const at = new Date(event.at).toISOString();
    const source = `${mission}/${event.task ?? ''}/${event.seq}/${event.index}`;
    const { task, type, message } = event;
    return { place, at, task, type, message, source, body: bodyOf(of, event, source) };
  });
  const isForOutside = told.some(({ body }) => body !== null);
  // In the same statement: what has happened is told to the outside, whatever becomes of this process.
  const outbox = sql`, outbox as (
      insert into ${notifications} (id, tenant_id, body)
      select body ->> 'id', ${tenant}, body from fresh, counted where body is not null
      on conflict do nothing
    )`;
  return sql`
    with ${sql.join(also.map((query, index) => sql`${sql.raw(`also_${index}`)} as ${query}, `))}
    told as (
      select distinct on (source) * from jsonb_to_recordset(${JSON.stringify(told)}::jsonb)
        as told(place integer, at timestamptz, task text, type text, message text, source text, body jsonb)
      order by source, place
    ), fresh as (
      select told.*, row_number() over (order by place) as number from told
      where not exists (
        select from ${events} where ${events.tenantId} = ${tenant} and ${events.source} = told.source
      )
    ), counted as (
      update ${missions} set event_seq = event_seq + (select count(*) from fresh)
      where ${missions.tenantId} = ${tenant} and ${missions.id} = ${mission} and exists (select from fresh)
      returning event_seq - (select count(*) from fresh) as before
    ), added as (
      insert into ${events} (tenant_id, mission_id, seq, at, task_id, type, message, source)
      select ${tenant}, ${mission}, before + number, at, task, type, message, source from fresh, counted
      returning seq
    )${isForOutside ? outbox : sql``}
    select count(*)::integer as added, pg_notify(${eventsChannel}, ${`${tenant}/${mission}`}) from added
    having count(*) > 0`;
}

/** Null: nobody outside is told. */
function bodyOf(
  { tenant, mission, outside }: Telling,
  event: PlacedEvent,
  source: string,
): Notification | null {
  if (!outside) return null;
  const kind = notificationOf(event, outside.inbox);
  if (kind === undefined || !outside.kinds.has(kind)) return null;
  // With the time: another installation may have a mission of the same name.
  const id = createHash('sha256')
    .update(JSON.stringify([tenant, source, event.at]))
    .digest('hex');
  const { task, message } = event;
  const at = new Date(event.at).toISOString();
  return storable({ version: 1 as const, id, kind, at, mission, task, message, inbox: outside.inbox });
}
