import type { HostActivities, ReviewInput, ReviewOutcome } from '../../workflows/ports.ts';
import { verdictFault } from '../../workflows/rules/verdict.ts';
import type { Forges } from '../forge/forge.ts';
import type { Git } from '../git/git.ts';
import type { Workspace } from '../git/workspace.ts';
import type { Scrub } from '../scrub.ts';
import { judgeFindings } from './judge-findings.ts';
import { parseAnswer } from './parse-answer.ts';
import type { Read, Readings } from './readings.ts';
import { reviewPrompt } from './review-prompt.ts';

export function createReviewActivities(deps: {
  git: Git;
  forges: Forges;
  workspace: Workspace;
  readings: Readings;
  scrub: Scrub;
}): Pick<HostActivities, 'review'> {
  const { git, forges, workspace, readings } = deps;
  return { review };

  /** Runs one engine on one commit, in a clean checkout of its own, and puts its verdict on the pull request. */
  function review(input: ReviewInput): Promise<ReviewOutcome> {
    return readings.read({
      reading: input,
      title: `the review of ${input.task.title}`,
      prompt: (change) => reviewPrompt({ ...input, ...change, resumed: input.resumes !== undefined }),
      conclude: (read) => conclude(input, read),
    });
  }

  async function conclude(input: ReviewInput, read: Read): Promise<ReviewOutcome> {
    const outcome = await judge(input, read);
    if (outcome.kind === 'reviewed') {
      const { repository } = input.place;
      const { pullRequest } = input;
      await forges(repository).postReview({ repository, pullRequest, review: outcome.review });
    }
    return outcome;
  }

  async function judge(input: ReviewInput, { session, fault, answer }: Read): Promise<ReviewOutcome> {
    const { engine } = input;
    if (fault !== undefined) return { kind: 'no-verdict', reason: fault, session };
    const parsed = parseAnswer(answer === undefined ? undefined : deps.scrub(answer));
    if (parsed.kind === 'malformed') {
      const reason = `${engine}: ${parsed.reason}`;
      return { kind: 'no-verdict', reason, malformed: parsed.reason, session };
    }
    const repository = await workspace.openMirror(input.place.repository);
    const judged = await judgeFindings({ ...input, git, repository, answer: parsed.answer });
    if (judged.kind !== 'review') {
      const { reason } = judged;
      return { kind: 'no-verdict', reason: `${engine}: ${reason}`, malformed: reason, session };
    }
    const { review } = judged;
    // Before it stands on the pull request, where an approval counts for the protection of its base.
    const why = verdictFault({ review, session, asked: input });
    return why === undefined
      ? { kind: 'reviewed', review, session }
      : { kind: 'no-verdict', reason: why, session };
  }
}
