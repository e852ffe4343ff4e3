import type { TaskResult } from '../../schema/contracts/messages.ts';
import type { PlannedMilestone } from '../../schema/contracts/plan.ts';

/** What a release is told of: each task that was merged for it, in the plan's order, with its pull request. */
export function releaseNotes(of: {
  milestone: Pick<PlannedMilestone, 'title' | 'tasks'>;
  results: readonly TaskResult[];
}): string {
  const { milestone, results } = of;
  const lines = milestone.tasks.flatMap(({ id, title }) => {
    const result = results.findLast(({ task }) => task === id);
    if (result?.status !== 'merged') return [];
    return [`- ${id}: ${title}${result.pullRequest === undefined ? '' : ` (#${result.pullRequest})`}`];
  });
  return [`# ${milestone.title}`, '', ...(lines.length === 0 ? ['No change was needed.'] : lines), ''].join(
    '\n',
  );
}
