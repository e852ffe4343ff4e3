import type { KnownFinding, ReviewAnswer } from '../../schema/contracts/review.ts';
import { identify, restsOnNothing, type IdentifiedReview } from '../../workflows/rules/findings.ts';
import type { Git } from '../git/git.ts';
import { checkFindings } from './check-findings.ts';

export type Judged = { kind: 'review'; review: IdentifiedReview } | { kind: 'no-verdict'; reason: string };

/**
 * An answer becomes a review when what it rests on is there. Where nothing of it counts it is no verdict, and never an
 * approval: only the reviewer itself can give that.
 */
export async function judgeFindings(of: {
  git: Git;
  /** A repository that has both commits. */
  repository: string;
  engine: string;
  headSha: string;
  baseSha: string;
  answer: ReviewAnswer;
  earlier?: readonly KnownFinding[];
}): Promise<Judged> {
  const { engine, answer, earlier = [], headSha } = of;
  const checked = await checkFindings({ ...of, findings: answer.findings });
  const findings = identify({ engine, findings: checked, known: earlier });
  const nothing = answer.verdict === 'request-changes' ? restsOnNothing(findings, earlier) : undefined;
  if (nothing) {
    const why = nothing.map(({ finding, why }) => `"${finding.message.slice(0, 200)}": ${why}`);
    const reason = `the request for changes rests on nothing that counts: ${why.join('; ')}`;
    return { kind: 'no-verdict', reason: reason.slice(0, 2_000) };
  }
  return { kind: 'review', review: { engine, sha: headSha, ...answer, findings } };
}
