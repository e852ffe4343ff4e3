/** What is known of why tasks stand where they are: the read model, and of the lane what it says itself. */
import { WorkflowNotFoundError } from '@temporalio/client';
import { isSatisfied } from '../schema/contracts/gates.ts';
import { LaneView } from '../schema/contracts/lane.ts';
import { queries } from '../schema/contracts/messages.ts';
import { laneWorkflowId } from '../schema/contracts/names.ts';
import type { PlannedTask } from '../schema/contracts/plan.ts';
import type { TaskView } from '../schema/contracts/views.ts';
import type { WhyOf } from '../schema/contracts/why.ts';
import { readMission, readTasks, type MissionRow } from '../schema/db/missions.ts';
import type { ApiDeps } from './deps.ts';
import { Problem } from './problem.ts';

/**
 * How long the lane may take to say who stands in it. It is one of many things that are told; a lane that answers later
 * than this has no worker just now.
 */
const laneAnswersWithinMs = 2_000;

/** A mission with all that its tasks can be asked about. */
export interface Standing {
  row: MissionRow;
  tasks: { view: TaskView; planned: PlannedTask | undefined; why: WhyOf }[];
}

export async function readStanding(
  deps: ApiDeps,
  of: { tenant: string; mission: string },
): Promise<Standing> {
  const { mission } = of;
  const row = await readMission(deps.queries, of);
  if (!row) throw new Problem('not-found', `there is no mission ${mission}`);
  const views = await readTasks(deps.queries, of);
  const { plan, view } = row;
  const isInLane = views.some((task) => task.gate === 'merge-lane' && task.status === 'running');
  const lane = isInLane ? await askLane(deps, row) : undefined;
  const planned = new Map(plan.milestones.flatMap(({ tasks }) => tasks.map((task) => [task.id, task])));
  const statuses = new Map(views.map(({ id, status }) => [id, status]));
  const common = { mission, base: view.repository.base, policy: plan.policy, paused: view.paused, lane };
  const tasks = views.map((task) => {
    const its = planned.get(task.id);
    const after = (its?.dependsOn ?? []).flatMap((id) => {
      const status = statuses.get(id);
      return status === undefined || isSatisfied(status) ? [] : [{ id, status }];
    });
    return { view: task, planned: its, why: { ...common, view: task, checks: its?.checks, after } };
  });
  return { row, tasks };
}

/** Undefined where it does not say: then less is told. */
async function askLane(deps: ApiDeps, { plan }: MissionRow): Promise<LaneView | undefined> {
  const { client, engine } = deps;
  const { id: repositoryId, base } = plan.repository;
  const workflowId = laneWorkflowId({ installation: engine.installation, repositoryId, base });
  try {
    const said = await client.withDeadline(Date.now() + laneAnswersWithinMs, () =>
      client.workflow.getHandle(workflowId).query(queries.view),
    );
    return LaneView.parse(said);
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) deps.log(error);
    return undefined;
  }
}
