import type { WorkerInterceptors } from '@temporalio/worker';
import type { InUse } from '../activities/in-use.ts';

/** While an activity runs, what belongs to its workflow is in use. */
export function inUseInterceptor(inUse: InUse): NonNullable<WorkerInterceptors['activity']>[number] {
  return ({ info }) => ({
    inbound: {
      execute: (input, next) => {
        const workflowId = info.workflowExecution?.workflowId;
        return workflowId === undefined ? next(input) : inUse.using(workflowId, () => next(input));
      },
    },
  });
}
