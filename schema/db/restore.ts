/** Rebuilding the read model from what workflows have told. Rows are added or brought up to date, never taken back. */
import { and, eq } from 'drizzle-orm';
import type { ToldMission, ToldTask } from '../contracts/told.ts';
import { initialMissionView } from '../contracts/views.ts';
import type { Queries } from './database.ts';
import { taskRows } from './missions.ts';
import {
  againIfTold,
  appendEvents,
  insertDetails,
  placeTasks,
  updateMission,
  updateTask,
  type PlacedEvent,
} from './projection.ts';
import { storable } from './storable.ts';
import { missions, tasks } from './tables.ts';

/** So many events are added by one statement: Postgres takes 65,535 values in one. */
const eventsAtOnce = 1_000;

/**
 * Makes the rows of a mission and its tasks if they are missing. Whatever its workflows tell from then on finds its
 * place, so what they told before is asked for only afterwards.
 */
export async function restoreRows(
  queries: Queries,
  of: { missionRuns: readonly ToldMission[]; startedAt: Date },
): Promise<void> {
  const [first, newest] = [of.missionRuns[0], of.missionRuns.at(-1)];
  if (!first || !newest) return;
  const { tenant, mission, host, origin } = first;
  const plan = storable(newest.plan);
  await queries.transaction(async (tx) => {
    await tx
      .insert(missions)
      .values({
        tenantId: tenant,
        id: plan.mission,
        title: plan.title,
        status: 'running',
        repositoryId: plan.repository.id,
        fileHash: origin?.fileHash ?? null,
        plan,
        createdBy: origin?.createdBy ?? null,
        createdAt: origin ? new Date(origin.createdAt) : of.startedAt,
        view: initialMissionView(plan, 'running'),
      })
      .onConflictDoNothing();
    await tx
      .insert(tasks)
      .values(taskRows({ tenant, mission, host, tasks: newest.tasks }))
      .onConflictDoNothing();
  });
}

/** Brings views, sessions, reviews and events up to what was told, by all runs of a mission and of its tasks. */
export async function restoreTold(
  queries: Queries,
  of: { tenant: string; mission: string; missionRuns: ToldMission[]; taskRuns: ToldTask[] },
): Promise<{ rows: number; events: number }> {
  const { tenant, mission } = of;
  return againIfTold(() =>
    queries.transaction(async (tx) => {
      let rows = 0;
      for (const { view, ...told } of of.missionRuns) {
        if (!view || !(await updateMission(tx, { ...told, view }))) continue;
        await placeTasks(tx, told);
        rows += 1;
      }
      for (const { view, ...told } of of.taskRuns) {
        if (!view) continue;
        if (await updateTask(tx, { ...told, view })) rows += 1;
        rows += await insertDetails(tx, { tenant, mission, view });
      }
      rows += await restoreResults(tx, of);
      let events = 0;
      const told = inOrder(of);
      for (let from = 0; from < told.length; from += eventsAtOnce) {
        const some = told.slice(from, from + eventsAtOnce);
        events += await appendEvents(tx, { tenant, mission, events: some });
      }
      return { rows, events };
    }),
  );
}

/** A task that ended so long ago that Temporal has forgotten its workflow: its mission still knows the result. */
async function restoreResults(
  tx: Queries,
  of: { tenant: string; mission: string; missionRuns: ToldMission[]; taskRuns: ToldTask[] },
): Promise<number> {
  const results = of.missionRuns.at(-1)?.results ?? [];
  const known = new Set(of.taskRuns.map(({ view }) => view?.id));
  let restored = 0;
  for (const { task, status, mergeSha, reason } of results.filter((one) => !known.has(one.task))) {
    const untold = and(
      eq(tasks.tenantId, of.tenant),
      eq(tasks.missionId, of.mission),
      eq(tasks.id, task),
      eq(tasks.viewSeq, 0),
    );
    const [row] = await tx.select({ view: tasks.view }).from(tasks).where(untold);
    if (!row) continue;
    const view = storable({ ...row.view, status, mergeSha, reason });
    // Told now: an amendment does not count it among the tasks that wait.
    await tx.update(tasks).set({ view, viewSeq: 1, status: view.status }).where(untold);
    restored += 1;
  }
  return restored;
}

/** By the workflows' clocks; at the same moment the mission before its tasks, and each workflow's in its own order. */
function inOrder(of: { missionRuns: ToldMission[]; taskRuns: ToldTask[] }): PlacedEvent[] {
  const ofMission = of.missionRuns.flatMap(({ events }) => events.map((event) => ({ ...event, task: null })));
  const ofTasks = of.taskRuns.flatMap(({ view, events }) =>
    events.map((event) => ({ ...event, task: view?.id ?? null })),
  );
  return [...ofMission, ...ofTasks].sort(
    (a, b) => a.at - b.at || compare(a.task ?? '', b.task ?? '') || a.seq - b.seq || a.index - b.index,
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
