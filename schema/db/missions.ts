import { and, asc, desc, eq, exists, not, sql, type SQL } from 'drizzle-orm';
import { unionAll } from 'drizzle-orm/pg-core';
import { MissionStatus } from '../contracts/gates.ts';
import type { Plan } from '../contracts/plan.ts';
import { initialMissionView, initialTaskView, MissionEvent } from '../contracts/views.ts';
import type { TaskPlacement, TaskView } from '../contracts/views.ts';
import type { Queries } from './database.ts';
import { storable } from './storable.ts';
import { events, missions, tasks } from './tables.ts';

export type MissionRow = typeof missions.$inferSelect;

const summaryColumns = {
  id: missions.id,
  view: missions.view,
  createdAt: missions.createdAt,
  endedAt: missions.endedAt,
};
export type MissionSummaryRow = Pick<MissionRow, keyof typeof summaryColumns>;

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

/** A mission without its file and plan, which may have a megabyte each. */
export async function readMissionSummary(
  queries: Queries,
  of: { tenant: string; mission: string },
): Promise<MissionSummaryRow | undefined> {
  const [row] = await queries
    .select(summaryColumns)
    .from(missions)
    .where(and(eq(missions.tenantId, of.tenant), eq(missions.id, of.mission)));
  return row;
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

/** As it was told: of whichever version that was. */
export async function readTask(
  queries: Queries,
  of: { tenant: string; mission: string; task: string },
): Promise<unknown> {
  const { tenant, mission, task } = of;
  const [row] = await queries
    .select({ view: tasks.view })
    .from(tasks)
    .where(and(eq(tasks.tenantId, tenant), eq(tasks.missionId, mission), eq(tasks.id, task)));
  return row?.view;
}

/** What a page of missions is asked for. Without `status` any; `needsHuman`: whether some task waits for a person. */
export interface MissionFilter {
  tenant: string;
  status?: readonly MissionStatus[] | undefined;
  /** An address, or an id. */
  repository?: string | undefined;
  needsHuman?: boolean | undefined;
}

/** One page of missions, newest first, after the row that `after` names. */
export async function listMissions(
  queries: Queries,
  of: MissionFilter & { limit: number; after?: { createdAt: Date; id: string } | undefined },
): Promise<MissionSummaryRow[]> {
  const { tenant, after, limit } = of;
  const repository =
    of.repository === undefined
      ? undefined
      : await repositoryIdOf(queries, { tenant, repository: of.repository });
  const common = [
    eq(missions.tenantId, tenant),
    repository === undefined ? undefined : eq(missions.repositoryId, repository),
    of.needsHuman === undefined ? undefined : waitsForPerson(queries, of.needsHuman),
    // As one comparison of rows, so that it is a place in the index. The text keeps the driver's zone out of it.
    after && sql`(${missions.createdAt}, ${missions.id}) < (${after.createdAt.toISOString()}, ${after.id})`,
  ];
  // Several statuses are read one by one and then merged: each is a walk of an index that ends with the page,
  // however many missions there are of the others. The index of repositories has the status before the time.
  const statuses = of.status ?? (repository === undefined ? [] : MissionStatus.options);
  const [first, second, ...more] = statuses.map((status) => page([...common, eq(missions.status, status)]));
  if (!first) return page(common);
  if (!second) return first;
  return unionAll(first, second, ...more)
    .orderBy(desc(missions.createdAt), desc(missions.id))
    .limit(limit);

  function page(where: (SQL | undefined)[]) {
    return queries
      .select(summaryColumns)
      .from(missions)
      .where(and(...where))
      .orderBy(desc(missions.createdAt), desc(missions.id))
      .limit(limit);
  }
}

function waitsForPerson(queries: Queries, yes: boolean): SQL {
  const waiting = exists(
    queries
      .select({ one: sql`1` })
      .from(tasks)
      .where(
        and(
          eq(tasks.tenantId, missions.tenantId),
          eq(tasks.missionId, missions.id),
          // Written out, or the planner would not see that its index is partial to the same words.
          sql`${tasks.waitsFor} = 'person'`,
        ),
      ),
  );
  return yes ? waiting : not(waiting);
}

/** The id of the repository with that address; what is no known address is taken for an id. */
async function repositoryIdOf(queries: Queries, of: { tenant: string; repository: string }): Promise<string> {
  const [row] = await queries
    .select({ id: missions.repositoryId })
    .from(missions)
    .where(
      and(
        eq(missions.tenantId, of.tenant),
        sql`(${missions.view} -> 'repository' ->> 'address') = ${of.repository}`,
      ),
    )
    .limit(1);
  return row?.id ?? of.repository;
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
