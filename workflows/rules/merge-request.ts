import type { MergeRequest, TaskInput } from '../../schema/contracts/messages.ts';
import type { Review } from '../../schema/contracts/review.ts';

/** What a task asks of the lane; the policy counts as it was when the task began. */
export function mergeRequestOf(of: {
  id: string;
  workflowId: string;
  input: TaskInput;
  branch: string;
  headSha: string;
  pullRequest: number;
  approvals: Pick<Review, 'engine' | 'summary'>[];
}): MergeRequest {
  const { input, approvals, ...request } = of;
  const { mission, task, engine, policy } = input;
  const { priority, redBase, batch, requireCi } = policy;
  return {
    ...request,
    mission,
    task: task.id,
    title: `${task.id}: ${task.title}`,
    approvals: approvals.map(({ engine: name, summary }) => ({ engine: name, summary })),
    requireCi,
    host: engine.host,
    ...(priority === undefined ? {} : { priority }),
    ...(redBase === undefined ? {} : { redBase }),
    ...(batch === undefined ? {} : { batch }),
  };
}
