/** What an engine reads that decides where an author and its reviewers disagree. What these wrote is quoted in it. */
import type { StartedTask } from '../../schema/contracts/plan.ts';
import type { KnownFinding } from '../../schema/contracts/review.ts';
import { compose } from '../sessions/prompt.ts';
import { describeDisputed } from './earlier.ts';
import { describeChange, mode, quoteTask, type Change } from './review-prompt.ts';

const form = [
  'Your last message is your answer: one JSON object and nothing else, without words around it and without a code fence.',
  '{"rulings":[{"id":string,"decision":"uphold"|"drop","because":string}]}',
  'Rule on each of the findings by its id. uphold: it is right, and to be mended. drop: it is none. One that you can’t decide you leave out: then a person does.',
];

export function disputePrompt(
  of: Change & { task: StartedTask; agentsFile: string | undefined; disputed: readonly KnownFinding[] },
): string {
  const { task, headSha, baseSha, agentsFile, disputed } = of;
  return compose({
    title: `Disputed findings in ${task.id}`,
    place: `You stand in a clean checkout of ${headSha}. The change is \`git diff ${baseSha} ${headSha}\`.`,
    agentsFile,
    persona:
      'You decide where the author of this change and its reviewers disagree, and are none of them. What either of them says is a claim: look at the code.',
    brief: [
      ...quoteTask(task),
      ...describeChange(of),
      { title: 'Disputed findings', lines: describeDisputed(disputed) },
    ],
    form,
    mode,
  });
}
