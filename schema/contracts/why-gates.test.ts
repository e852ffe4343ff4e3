import { describe, expect, it } from 'vitest';
import type { Gate } from './gates.ts';
import { Policy } from './mission-file.ts';
import type { Review } from './review.ts';
import type { SessionSummary } from './session.ts';
import { initialTaskView, type TaskView } from './views.ts';
import { factsOf } from './why-gates.ts';
import type { WhyOf } from './why.ts';

const head = 'a'.repeat(40);
const older = 'b'.repeat(40);
const mergeSha = 'c'.repeat(40);

/** What a gate has seen, each in a line. */
function seen(gate: Gate, more: Partial<TaskView>, of: Partial<WhyOf> = {}): string[] {
  const names = { mission: 'greetings', milestone: 'm1', id: 'T-1', title: 'Greet' };
  const view: TaskView = { ...initialTaskView(names), status: 'running', ...more };
  const all = { mission: 'greetings', view, base: 'main', policy: Policy.parse({}), ...of };
  return factsOf(all, gate).evidence.map(({ what, says, sha, counts }) => {
    const at = sha === undefined ? '' : ` at ${sha.slice(0, 1)}`;
    return `${what}: ${says}${at}${counts === undefined ? '' : counts ? ', counts' : ', counts no longer'}`;
  });
}

function review(engine: string, verdict: Review['verdict'], sha = head): Review {
  return { engine, sha, verdict, summary: '', findings: [] };
}

const session: SessionSummary = {
  id: 'greetings.T-1.author.1',
  role: 'author',
  runtime: 'script',
  host: 'h1',
  end: 'exited',
  exitCode: 0,
  startedAt: 0,
  endedAt: 1,
};

const approvals = [review('diff-check', 'approve'), review('test-check', 'approve')];
const given = { sha: head, by: 'lead', via: 'api' as const, at: 0 };

describe('a gate of a task', () => {
  it.each<{ gate: Gate; more: Partial<TaskView>; of?: Partial<WhyOf>; sees: string[] }>([
    { gate: 'intake', more: { issue: 7 }, sees: ['issue: #7'] },
    {
      gate: 'implement',
      more: {
        sessions: [
          session,
          { ...session, id: 'greetings.T-1.author.2', end: 'lost', exitCode: null },
          { ...session, id: 'greetings.T-1.review-diff-check.1', role: 'review-diff-check' },
        ],
      },
      sees: ['session greetings.T-1.author.1: exited with 0', 'session greetings.T-1.author.2: lost'],
    },
    {
      gate: 'verify-delivery',
      more: { gate: 'push', headSha: head },
      of: { checks: ['npm test'] },
      sees: ['head: delivered at a', 'check npm test: green at a'],
    },
    { gate: 'verify-delivery', more: { gate: 'verify-delivery' }, of: { checks: ['npm test'] }, sees: [] },
    { gate: 'open-pull-request', more: { pullRequest: 9 }, sees: ['pull request: #9'] },
    {
      gate: 'review-and-ci',
      more: {
        gate: 'review-and-ci',
        headSha: head,
        reviews: [
          review('diff-check', 'request-changes', older),
          {
            ...review('test-check', 'approve', older),
            findings: [{ severity: 'nit', category: 'style', message: 'long' }],
          },
          review('diff-check', 'approve'),
        ],
        ci: 'pending',
        statuses: { sha: head, contexts: [{ name: 'ci/test', state: 'pending' }] },
      },
      sees: [
        'verdict of diff-check: approve at a, counts',
        'verdict of test-check: approve at b, counts no longer',
        'open findings: 1 nit',
        'CI: pending at a',
        'CI ci/test: pending at a, counts',
      ],
    },
    {
      gate: 'go-ahead',
      more: { gate: 'merge-lane', headSha: head, goAhead: given },
      sees: ['go-ahead: by lead through api at 1970-01-01T00:00:00.000Z at a, counts'],
    },
    {
      gate: 'go-ahead',
      more: { gate: 'go-ahead', headSha: head, goAhead: { ...given, sha: older } },
      sees: ['go-ahead: by lead through api at 1970-01-01T00:00:00.000Z at b, counts no longer'],
    },
    {
      gate: 'merge-lane',
      more: { gate: 'merge-lane', headSha: head },
      of: {
        lane: {
          inside: [{ mission: 'greetings', task: 'T-9' }],
          waiting: [
            // Another mission's task of the same name is another task.
            { mission: 'other', task: 'T-1' },
            { mission: 'greetings', task: 'T-1' },
          ],
          redBase: 'CI is failed',
        },
      },
      sees: ['place in the lane: 2 of 2, behind T-9', 'main: red: CI is failed'],
    },
    {
      gate: 'merge-lane',
      more: { gate: 'merge-lane', headSha: head },
      of: { lane: { inside: [{ mission: 'greetings', task: 'T-1' }], waiting: [], redBase: null } },
      sees: ['place in the lane: inside'],
    },
    { gate: 'merge-lane', more: { gate: 'verify-merge', mergeSha }, sees: ['merge: on main at c'] },
    {
      gate: 'verify-merge',
      more: { gate: 'close-issue', mergeSha, mergeCi: 'passed' },
      sees: ['CI of main: passed at c'],
    },
    {
      gate: 'verify-merge',
      // The lane could not look at the merge; the task has seen a later commit.
      more: { gate: 'close-issue', mergeSha, evidence: { base: { sha: older, verdict: 'passed', at: 1 } } },
      sees: ['CI of main: passed at b'],
    },
    { gate: 'close-issue', more: { gate: 'close-issue', issue: 7 }, sees: [] },
    { gate: 'close-issue', more: { gate: 'clean-up', issue: 7 }, sees: ['issue: #7 is closed'] },
    {
      gate: 'close-issue',
      more: { gate: 'close-issue', issue: 7, evidence: { issue: { number: 7, at: 1 } } },
      sees: ['issue: #7 is closed'],
    },
    // A person has decided that it stays open.
    {
      gate: 'close-issue',
      more: { gate: 'done', issue: 7, evidence: { merge: { sha: mergeSha, at: 1 } } },
      sees: [],
    },
  ])('sees at $gate: $sees', ({ gate, more, of, sees }) => {
    expect(seen(gate, more, of)).toEqual(sees);
  });

  it('counts the approvals of the head that was approved, where the lane has moved it', () => {
    const moved = { gate: 'verify-merge' as const, headSha: mergeSha, mergeSha, goAhead: given };
    expect(seen('review-and-ci', { ...moved, reviews: approvals })).toEqual([
      'verdict of diff-check: approve at a, counts',
      'verdict of test-check: approve at a, counts',
    ]);
  });
});
