/** What a sweep asks the read model: which tasks it knows, and how they stand. */
import { and, eq, inArray, sql } from 'drizzle-orm';
import { isEnded, isOpen } from '../contracts/gates.ts';
import type { PlannedRepository } from '../contracts/plan.ts';
import type { TaskView } from '../contracts/views.ts';
import type { Queries } from './database.ts';
import { missions, tasks } from './tables.ts';

export interface ToldTask {
  mission: string;
  task: string;
  ended: boolean;
  view: TaskView;
  repository: PlannedRepository;
}

/** The tasks of some missions, or all that were told to be open on a repository, whatever host they began on. */
export async function readToldTasks(
  queries: Queries,
  of: { tenant: string; missions: readonly string[] } | { tenant: string; openOn: { repositoryId: string } },
): Promise<ToldTask[]> {
  const wanted =
    'missions' in of
      ? inArray(tasks.missionId, [...of.missions])
      : and(
          eq(missions.repositoryId, of.openOn.repositoryId),
          inArray(missions.status, ['starting', 'running', 'paused']),
        );
  const rows = await queries
    .select({ view: tasks.view, status: tasks.status, missionStatus: missions.status, plan: missions.plan })
    .from(tasks)
    .innerJoin(missions, and(eq(missions.tenantId, tasks.tenantId), eq(missions.id, tasks.missionId)))
    .where(and(eq(tasks.tenantId, of.tenant), wanted));
  return rows.map(({ view, status, missionStatus, plan }) => ({
    mission: plan.mission,
    task: view.id,
    ended: isEnded(status) || !isOpen(missionStatus),
    view,
    repository: plan.repository,
  }));
}

/** The repositories of a host's missions that are on the local forge. */
export async function readLocalRepositories(
  queries: Queries,
  of: { tenant: string; host: string },
): Promise<PlannedRepository[]> {
  const rows = await queries
    .selectDistinctOn([missions.repositoryId], { plan: missions.plan })
    .from(missions)
    .innerJoin(tasks, and(eq(missions.tenantId, tasks.tenantId), eq(missions.id, tasks.missionId)))
    .where(
      and(
        eq(missions.tenantId, of.tenant),
        eq(tasks.host, of.host),
        sql`(${missions.view} -> 'repository' ->> 'forge') = 'local'`,
      ),
    );
  return rows.map(({ plan }) => plan.repository);
}
