import {
  getExternalWorkflowHandle,
  isCancellation,
  TemporalFailure,
  workflowInfo,
} from '@temporalio/workflow';
import type { UsedByTask } from '../schema/contracts/budget.ts';
import { signals } from '../schema/contracts/messages.ts';
import type { TaskState } from './task-state.ts';

/** Tells the mission what a task has used, where they share a budget. */
export async function tellUsed(task: TaskState): Promise<void> {
  const { parent } = workflowInfo();
  if (!task.budget.isShared || !parent) return;
  const told: UsedByTask = { task: task.place.task, used: task.budget.used };
  try {
    await getExternalWorkflowHandle(parent.workflowId).signal(signals.used, told);
  } catch (error) {
    // A mission that is gone has no budget to keep any more.
    if (isCancellation(error) || !(error instanceof TemporalFailure)) throw error;
  }
}
