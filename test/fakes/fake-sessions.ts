/** What authors and reviewers of a fake world do and answer. */
import type { Finding, FindingAnswer, ReviewAnswer } from '../../schema/contracts/review.ts';
import type { AgentReport, SessionEnd, SessionSummary } from '../../schema/contracts/session.ts';

/** A commit id that says what it is: 40 hex digits made of a few. */
export function sha(name: string | number): string {
  return Buffer.from(String(name)).toString('hex').padEnd(40, '0').slice(0, 40);
}

/** What an author does in one launch. */
export type Work =
  | {
      kind: 'commit';
      name: string;
      touchesJudge?: boolean;
      agent?: Partial<AgentReport>;
      /** What it says to the findings that it was told of. */
      answers?: FindingAnswer[];
      unreadAnswers?: string;
    }
  /** An agent whose session came to nothing. */
  | { kind: 'fails'; agent: Partial<AgentReport> }
  | { kind: 'nothing' }
  | { kind: 'no-change'; reason: string }
  | { kind: 'red-check'; check: string }
  | { kind: 'ends'; end: SessionEnd; exitCode?: number };

export const approval: ReviewAnswer = { verdict: 'approve', summary: 'good', findings: [] };

export function objection(message: string, more: Partial<Finding> = {}): ReviewAnswer {
  const finding: Finding = { severity: 'blocker', category: 'wrong', message, ...more };
  return { verdict: 'request-changes', summary: message, findings: [finding] };
}

export function summary(
  of: Pick<SessionSummary, 'id' | 'role' | 'host' | 'end' | 'exitCode'>,
): SessionSummary {
  return { ...of, runtime: 'fake', startedAt: Date.now(), endedAt: Date.now() };
}

/** What each agent's session uses. */
export const usage = { inputTokens: 100, cachedTokens: 40, outputTokens: 7, costUsd: null };

export function report(of: Partial<AgentReport> = {}): AgentReport {
  return { outcome: 'done', message: 'I am done.', conversation: null, usage, retryAt: null, ...of };
}
