import type { MergeRequest, TaskInput } from '../../schema/contracts/messages.ts';
import type { Review } from '../../schema/contracts/review.ts';

/**
 * What a task asks of the lane; the policy counts as it was when the task began. The lane takes each review for an
 * approval, so one that is none is a bug of whoever let the head pass.
 */
export function mergeRequestOf(of: {
  id: string;
  workflowId: string;
  input: TaskInput;
  branch: string;
  headSha: string;
  pullRequest: number;
  reviews: Pick<Review, 'engine' | 'verdict' | 'summary'>[];
}): MergeRequest {
  const { input, reviews, ...request } = of;
  const { mission, task, engine, policy } = input;
  const against = reviews.find(({ verdict }) => verdict !== 'approve');
  if (against) throw new Error(`${against.engine} does not approve ${of.headSha}: it can't be merged`);
  const { priority, redBase, batch, requireCi } = policy;
  return {
    ...request,
    mission,
    task: task.id,
    title: `${task.id}: ${task.title}`,
    approvals: reviews.map(({ engine: name, summary }) => ({ engine: name, summary })),
    requireCi,
    host: engine.host,
    ...(priority === undefined ? {} : { priority }),
    ...(redBase === undefined ? {} : { redBase }),
    ...(batch === undefined ? {} : { batch }),
  };
}
