import {
  allHandlersFinished,
  CancellationScope,
  ChildWorkflowCancellationType,
  ChildWorkflowFailure,
  condition,
  defineQuery,
  defineUpdate,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  setCurrentDetails,
  setHandler,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import {
  queries,
  updates,
  type CancelRequest,
  type MissionInput,
  type MissionResult,
  type TaskInput,
  type TaskResult,
} from '../schema/contracts/messages.ts';
import { taskWorkflowId } from '../schema/contracts/names.ts';
import type { PlannedMilestone, PlannedTask } from '../schema/contracts/plan.ts';
import { startAttributes } from '../schema/contracts/search-attributes.ts';
import type { MissionView } from '../schema/contracts/views.ts';
import { MissionState } from './mission-state.ts';
import { call, record } from './proxies.ts';
import { taskWorkflow } from './task-workflow.ts';

export const cancelUpdate = defineUpdate<undefined, [CancelRequest]>(updates.cancel);
export const missionViewQuery = defineQuery<MissionView>(queries.view);

/** The story of a mission: its milestones one after another, in each of them as many tasks at once as may run. */
export async function missionWorkflow(input: MissionInput): Promise<MissionResult> {
  const mission = new MissionState(input, Date.now);
  const work = new CancellationScope({ cancellable: true });
  setHandler(missionViewQuery, () => mission.view);
  setHandler(cancelUpdate, (request) => {
    mission.cancelled = request;
    work.cancel();
    return undefined;
  });

  mission.tell('mission-started', input.plan.title);
  try {
    await work.run(() => runMilestones(mission));
  } catch (error) {
    if (!isCancellation(error)) throw error;
    mission.cancelled ??= { by: 'temporal', reason: 'cancellation of the workflow' };
  }
  const result = mission.end();
  await CancellationScope.nonCancellable(async () => {
    await recordMission(mission);
    await condition(allHandlersFinished);
  });
  return result;
}

async function runMilestones(mission: MissionState): Promise<void> {
  for (const milestone of mission.input.plan.milestones) {
    mission.enterMilestone(milestone);
    await recordMission(mission);
    await runMilestone(mission, milestone);
    if (!mission.isComplete(milestone)) return;
  }
}

async function runMilestone(mission: MissionState, milestone: PlannedMilestone): Promise<void> {
  const running = new Set<Promise<void>>();
  for (;;) {
    for (const task of mission.startNext(milestone)) {
      const run = runTask(mission, milestone, task)
        .then((result) => mission.taskEnded(result))
        .finally(() => running.delete(run));
      running.add(run);
    }
    if (running.size === 0) return;
    try {
      await Promise.race(running);
    } catch (error) {
      // A cancelled mission ends when the last of its tasks has been cleaned up.
      await CancellationScope.nonCancellable(() => Promise.allSettled(running));
      throw error;
    }
  }
}

async function runTask(
  mission: MissionState,
  milestone: PlannedMilestone,
  task: PlannedTask,
): Promise<TaskResult> {
  const { engine, plan } = mission.input;
  const input: TaskInput = {
    engine,
    mission: plan.mission,
    milestone: milestone.id,
    repository: plan.repository,
    policy: plan.policy,
    task,
  };
  try {
    return await executeChild(taskWorkflow, {
      args: [input],
      workflowId: taskWorkflowId({ installation: engine.installation, mission: plan.mission, task: task.id }),
      // A task that has ended never runs again under its name; one that failed may.
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
      cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
      // A mission that is terminated by hand must not leave agents at work.
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: `${task.id}: ${task.title}`,
      staticDetails: task.goal,
      typedSearchAttributes: startAttributes({
        engine,
        repository: plan.repository.address,
        phase: 'implementing',
      }),
    });
  } catch (error) {
    if (!(error instanceof ChildWorkflowFailure) || CancellationScope.current().consideredCancelled)
      throw error;
    // Somebody has cancelled this one task; the mission goes on without it.
    if (isCancellation(error)) {
      return { task: task.id, status: 'cancelled', mergeSha: null, reason: 'the task was cancelled' };
    }
    const reason = error.cause?.message ?? error.message;
    return { task: task.id, status: 'failed', mergeSha: null, reason };
  }
}

async function recordMission(mission: MissionState): Promise<void> {
  const { engine, plan } = mission.input;
  const { view } = mission;
  setCurrentDetails(`**${view.status}**${view.milestone === null ? '' : ` in milestone ${view.milestone}`}`);
  await call(record.recordMission, `${view.status}, ${view.milestone ?? ''}`, {
    tenant: engine.tenant,
    mission: plan.mission,
    view,
    ...mission.takeNews(),
  });
}
