import { and, asc, desc, eq, gt, lt, or, sql } from 'drizzle-orm';
import type { Plan } from '../contracts/plan.ts';
import { initialMissionView, initialTaskView, MissionEvent } from '../contracts/views.ts';
import type { TaskPlacement, TaskView } from '../contracts/views.ts';
import type { Queries } from './database.ts';
import { storable } from './storable.ts';
import { events, missions, tasks } from './tables.ts';

export type MissionRow = typeof missions.$inferSelect;

/**
 * Claims a mission's key before its workflow is started. Answers the row that stands, which may be another's:
 * the caller compares the hash.
 */
export async function claimMission(
  queries: Queries,
  of: { tenant: string; fileHash: string; plan: Plan; host: string; by: string },
): Promise<{ row: MissionRow; created: boolean }> {
  const plan = storable(of.plan);
  return queries.transaction(async (tx) => {
    const [inserted] = await tx
      .insert(missions)
      .values({
        tenantId: of.tenant,
        id: plan.mission,
        title: plan.title,
        status: 'starting',
        repositoryId: plan.repository.id,
        fileHash: of.fileHash,
        plan,
        createdBy: of.by,
        // Not the database's clock: it counts finer than a workflow could tell it again.
        createdAt: new Date(),
        view: initialMissionView(plan, 'starting'),
      })
      .onConflictDoNothing()
      .returning();
    if (!inserted) {
      const standing = await readMission(tx, { tenant: of.tenant, mission: plan.mission });
      if (!standing) throw new Error(`mission ${plan.mission} vanished between two statements`);
      return { row: standing, created: false };
    }
    await tx
      .insert(tasks)
      .values(
        taskRows({ tenant: of.tenant, mission: plan.mission, host: of.host, tasks: placementsOf(plan) }),
      );
    return { row: inserted, created: true };
  });
}

/** The rows of tasks of which nothing was told yet, in their order. */
export function taskRows(of: {
  tenant: string;
  mission: string;
  host: string;
  tasks: readonly TaskPlacement[];
}): (typeof tasks.$inferInsert)[] {
  return of.tasks.map(storable).map(({ status, ...task }, position) => ({
    tenantId: of.tenant,
    missionId: of.mission,
    id: task.id,
    host: of.host,
    position,
    status,
    view: { ...initialTaskView({ mission: of.mission, ...task }), status },
  }));
}

function placementsOf(plan: Plan): TaskPlacement[] {
  return plan.milestones.flatMap((milestone) =>
    milestone.tasks.map(({ id, title }) => ({ id, title, milestone: milestone.id, status: 'waiting' })),
  );
}

export async function readMission(
  queries: Queries,
  of: { tenant: string; mission: string },
): Promise<MissionRow | undefined> {
  const [row] = await queries
    .select()
    .from(missions)
    .where(and(eq(missions.tenantId, of.tenant), eq(missions.id, of.mission)));
  return row;
}

/** The host that a mission was started on. All its tasks run there. */
export async function readMissionHost(
  queries: Queries,
  of: { tenant: string; mission: string },
): Promise<string | undefined> {
  const [row] = await queries
    .select({ host: tasks.host })
    .from(tasks)
    .where(and(eq(tasks.tenantId, of.tenant), eq(tasks.missionId, of.mission)))
    .limit(1);
  return row?.host;
}

/** Missions whose row was claimed but whose workflow may not have been started: a crash came between. */
export async function startingMissions(queries: Queries): Promise<MissionRow[]> {
  return queries.select().from(missions).where(eq(missions.status, 'starting'));
}

export async function readTasks(
  queries: Queries,
  of: { tenant: string; mission: string },
): Promise<TaskView[]> {
  const rows = await queries
    .select({ view: tasks.view })
    .from(tasks)
    .where(and(eq(tasks.tenantId, of.tenant), eq(tasks.missionId, of.mission)))
    .orderBy(asc(tasks.position));
  return rows.map((row) => row.view);
}

/** One page of missions, newest first, after the row that `after` names. */
export async function listMissions(
  queries: Queries,
  of: { tenant: string; limit: number; after?: { createdAt: Date; id: string } | undefined },
): Promise<MissionRow[]> {
  const { after } = of;
  const beyond =
    after &&
    or(
      lt(missions.createdAt, after.createdAt),
      and(eq(missions.createdAt, after.createdAt), gt(missions.id, after.id)),
    );
  return queries
    .select()
    .from(missions)
    .where(and(eq(missions.tenantId, of.tenant), beyond))
    .orderBy(desc(missions.createdAt), asc(missions.id))
    .limit(of.limit);
}

export async function readEvents(
  queries: Queries,
  of: { tenant: string; mission: string; after: number; limit: number },
): Promise<MissionEvent[]> {
  const rows = await queries
    .select()
    .from(events)
    .where(
      and(eq(events.tenantId, of.tenant), eq(events.missionId, of.mission), sql`${events.seq} > ${of.after}`),
    )
    .orderBy(asc(events.seq))
    .limit(of.limit);
  return rows.map((row) =>
    MissionEvent.parse({
      seq: row.seq,
      at: row.at.getTime(),
      task: row.taskId,
      type: row.type,
      message: row.message,
    }),
  );
}
