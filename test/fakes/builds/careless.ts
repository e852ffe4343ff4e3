/** A later build whose author has forgotten that tasks are under way: they can't go on with it. */
import { proxyActivities } from '@temporalio/workflow';
import type { TaskInput, TaskResult } from '../../../schema/contracts/messages.ts';
import type { CiActivities } from '../../../workflows/ports.ts';
import { taskWorkflow as taskWorkflowOfToday } from '../../../workflows/task-workflow.ts';

export { mergeLaneWorkflow } from '../../../workflows/merge-lane-workflow.ts';
export { missionWorkflow } from '../../../workflows/mission-workflow.ts';

const { guardQueue } = proxyActivities<CiActivities>({ startToCloseTimeout: '1m' });

export async function taskWorkflow(input: TaskInput): Promise<TaskResult> {
  const { engine, repository } = input;
  await guardQueue({ place: { tenant: engine.tenant, repository }, mustBeGreen: false, requireCi: false });
  return taskWorkflowOfToday(input);
}
