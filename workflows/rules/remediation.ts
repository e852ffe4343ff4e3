import { ciAllowsMerge, type CiReport } from '../../schema/contracts/ci.ts';
import type { Policy } from '../../schema/contracts/mission-file.ts';
import type { Finding, KnownFinding, Review } from '../../schema/contracts/review.ts';
import type { AgentReport, SessionSummary } from '../../schema/contracts/session.ts';
import type { GateFailure } from '../../schema/contracts/views.ts';
import type { Delivery, Feedback } from '../ports.ts';
import { counts } from './findings.ts';

/** A failure of a gate together with what the next session is told of it. */
export interface Rejection {
  failure: GateFailure;
  feedback: Feedback;
}

/** How a session may end without anything worth judging. */
export function rejectSession(session: SessionSummary): Rejection | undefined {
  if (session.agent) return rejectAgent(session.id, session.agent);
  if (session.end === 'exited' && session.exitCode === 0) return undefined;
  const how = session.end === 'exited' ? `exit code ${session.exitCode ?? 'unknown'}` : session.end;
  const why = session.reason === undefined ? '' : `: ${session.reason}`;
  return rejection({
    gate: 'implement',
    signature: `implement:${how}`,
    message: `session ${session.id} ended with ${how}${why}`,
    sha: null,
  });
}

/** An agent that says it is done, or that nothing is to be done, is judged by its delivery. */
function rejectAgent(id: string, { outcome, message }: AgentReport): Rejection | undefined {
  if (outcome === 'done' || outcome === 'no-change') return undefined;
  return rejection({
    gate: 'implement',
    signature: `implement:${outcome}`,
    message: `session ${id}: ${outcome}: ${message}`,
    sha: null,
  });
}

export function rejectDelivery(delivery: Delivery): Rejection | undefined {
  switch (delivery.kind) {
    case 'delivered':
    case 'no-change-needed':
      return undefined;
    case 'nothing-delivered':
      return rejection({
        gate: 'verify-delivery',
        signature: `verify-delivery:${delivery.signature}`,
        message: delivery.message,
        sha: null,
      });
    case 'checks-failed':
      return rejection(
        {
          gate: 'verify-delivery',
          signature: `verify-delivery:check:${delivery.check}`,
          message: delivery.message,
          sha: delivery.headSha,
          check: delivery.check,
        },
        { excerpt: delivery.excerpt },
      );
  }
}

/** Files that were sent back already, at another head. */
export function rejectRepeat(headSha: string, before: { headSha: string; message: string }): Rejection {
  return rejection({
    gate: 'verify-delivery',
    signature: 'verify-delivery:repeated',
    message: `${headSha} has the very files of ${before.headSha}, which came back: ${before.message}. Change what is wrong, or say why it is not`,
    sha: headSha,
  });
}

/**
 * Both reviewers must approve: each that does not is a failure of its own, told apart by what it objects to. An approval
 * with something that should be fixed is one too, where the policy sends that back.
 */
export function rejectReview(
  review: Review,
  policy: Pick<Policy, 'shouldFix'> = {},
  known: readonly KnownFinding[] = [],
): Rejection | undefined {
  const findings = review.findings.filter((finding) => counts(finding, known));
  if (review.verdict === 'approve') return rejectWhatShouldBeFixed(review, findings, policy);
  return rejectFindings(review, findings, `asks for changes: ${review.summary}`);
}

function rejectWhatShouldBeFixed(
  review: Review,
  findings: readonly Finding[],
  { shouldFix }: Pick<Policy, 'shouldFix'>,
): Rejection | undefined {
  const owed = findings.filter(({ severity }) => severity === 'should-fix');
  if (shouldFix !== 'send-back' || owed.length === 0) return undefined;
  return rejectFindings(review, owed, 'approves, and the policy sends back what should be fixed');
}

function rejectFindings(review: Review, findings: Finding[], says: string): Rejection {
  const main = findings.find((finding) => finding.severity === 'blocker') ?? findings[0];
  return rejection(
    {
      gate: 'review-and-ci',
      signature: `review:${review.engine}:${main?.category ?? 'verdict'}:${main?.file ?? ''}`,
      message: `${review.engine} ${says}`,
      sha: review.sha,
    },
    { findings },
  );
}

/** Whether no CI will say anything on a head, by the rules of its pipelines: that is for a person to accept. */
export function isLeftOut({ verdict, leftOutBy }: CiReport): boolean {
  return verdict === 'none-yet' && leftOutBy !== undefined;
}

/** Whether all that has failed fails on the base too: an outage, or what the base has brought along. */
export function failsWithBase(report: CiReport): boolean {
  const failed = failedContexts(report);
  return failed.length > 0 && failed.every((name) => report.failsOnBase?.includes(name));
}

export function isNobodysFault(report: CiReport): boolean {
  return isLeftOut(report) || failsWithBase(report);
}

export function failedContexts({ contexts }: CiReport): string[] {
  return contexts.filter(({ state }) => state === 'failed').map(({ name }) => name);
}

/** Only what is the author's: nothing where nothing is. */
export function rejectCi(report: CiReport, policy: Pick<Policy, 'requireCi'>): Rejection | undefined {
  if (ciAllowsMerge(report.verdict, policy) || isNobodysFault(report)) return undefined;
  const failed = report.contexts.filter(
    ({ name, state }) => state === 'failed' && !report.failsOnBase?.includes(name),
  );
  const names = failed.map((context) => context.name).join(', ');
  return rejection(
    {
      gate: 'review-and-ci',
      signature: `ci:${names === '' ? report.verdict : names}`,
      message: names === '' ? `CI is ${report.verdict}` : `CI failed: ${names}`,
      sha: report.sha,
    },
    { excerpt: failed.flatMap((context) => context.excerpt ?? []).join('\n') || null },
  );
}

export function rejectConflict(files: readonly string[], base: string, sha: string | null): Rejection {
  return rejection({
    gate: 'merge-lane',
    signature: 'merge-lane:conflict',
    message: `the branch conflicts with origin/${base} in ${files.join(', ')}: merge it and resolve the conflict`,
    sha,
  });
}

/** A merge that was taken back, since the base was red with it. */
export function rejectRevert(reason: string, sha: string | null): Rejection {
  return rejection({
    gate: 'verify-merge',
    signature: 'verify-merge:reverted',
    message: `the change was merged and taken back again: ${reason}. The branch still has it; mend what it breaks`,
    sha,
  });
}

export function rejectDivergence(branch: string, standing: string): Rejection {
  return rejection({
    gate: 'push',
    signature: 'push:diverged',
    message: `somebody pushed ${standing} to ${branch}: merge origin/${branch} into your branch`,
    sha: standing,
  });
}

function rejection(failure: GateFailure, more: Partial<Feedback> = {}): Rejection {
  const { gate, message } = failure;
  return { failure, feedback: { gate, message, findings: [], excerpt: null, ...more } };
}

/**
 * The first failure that has come back more often than the policy allows; undefined while another attempt is worth
 * it. `counts` has the occurrences so far, this one included.
 */
export function overBudget(
  counts: ReadonlyMap<string, number>,
  failures: readonly GateFailure[],
  remediations: number,
): GateFailure | undefined {
  return failures.find((failure) => (counts.get(failure.signature) ?? 0) > remediations);
}
