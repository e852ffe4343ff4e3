import { describe, expect, it } from 'vitest';
import { gates, type Gate } from '../../schema/contracts/gates.ts';
import type { Review } from '../../schema/contracts/review.ts';
import { initialTaskView, type TaskView } from '../../schema/contracts/views.ts';
import { describeTask } from './details.ts';

const head = 'a'.repeat(40);
const older = 'b'.repeat(40);

function view(more: Partial<TaskView>): TaskView {
  return {
    ...initialTaskView({ mission: 'greetings', milestone: 'm1', id: 'T-1', title: 'Greet' }),
    status: 'running',
    ...more,
  };
}

function review(engine: string, verdict: Review['verdict'], sha = head): Review {
  return { engine, sha, verdict, summary: '', findings: [] };
}

/** The cells of a gate's row. */
function row(of: TaskView, gate: Gate): string[] {
  const line = describeTask(of)
    .split('\n')
    .find((text) => text.startsWith(`| ${gate} |`));
  return (line ?? '')
    .split('|')
    .slice(2, -1)
    .map((cell) => cell.trim());
}

describe('the details of a task', () => {
  it('begin with where it stands', () => {
    expect(describeTask(view({ gate: 'push' })).split('\n')[0]).toBe('**running** at gate **push**');
  });

  it('say what it waits on, for whom, and since when', () => {
    const since = Date.UTC(2026, 10, 5, 12, 30);
    const text = describeTask(
      view({ gate: 'go-ahead', waits: { gate: 'go-ahead', on: 'the go-ahead', for: 'person', since } }),
    );
    expect(text).toContain('Waits on the go-ahead, for: **person**, since 2026-11-05T12:30:00.000Z');
  });

  it.each([
    { name: 'a reason', more: { reason: 'no token' }, says: 'Reason: no token' },
    { name: 'no reason', more: { reason: null }, says: undefined },
  ])('with $name say $says', ({ more, says }) => {
    const reasons = describeTask(view(more))
      .split('\n')
      .filter((line) => line.startsWith('Reason:'));
    expect(reasons).toEqual(says === undefined ? [] : [says]);
  });

  it('have a row for every gate but the end', () => {
    const rows = describeTask(view({}))
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .map((line) => line.split('|')[1]?.trim());
    expect(rows).toEqual(['gate', ...gates.slice(0, -1)]);
  });

  it.each<{ status: TaskView['status']; gate: Gate; of: Gate; state: string }>([
    { status: 'running', gate: 'push', of: 'queue-guard', state: 'passed' },
    { status: 'running', gate: 'push', of: 'push', state: 'running' },
    { status: 'running', gate: 'push', of: 'open-pull-request', state: '' },
    { status: 'blocked', gate: 'review-and-ci', of: 'review-and-ci', state: 'blocked' },
    { status: 'blocked', gate: 'review-and-ci', of: 'go-ahead', state: '' },
    { status: 'merged', gate: 'done', of: 'clean-up', state: 'passed' },
    // Sent back: the gates that come again are not passed any more.
    { status: 'running', gate: 'implement', of: 'review-and-ci', state: '' },
    // As `mission why` tells it.
    { status: 'no-change', gate: 'done', of: 'review-and-ci', state: 'not-needed' },
    { status: 'no-change', gate: 'done', of: 'verify-delivery', state: 'passed' },
  ])('of a task that is $status at $gate have "$state" for $of', ({ status, gate, of, state }) => {
    expect(row(view({ status, gate }), of)[0]).toBe(state);
  });

  it('tell which gate has sent the task back', () => {
    const failure = { gate: 'review-and-ci', signature: 'review', message: 'no', sha: head } as const;
    expect(row(view({ gate: 'implement', headSha: head, failures: [failure] }), 'review-and-ci')[0]).toBe(
      'failed',
    );
  });

  it.each<{ gate: Gate; more: Partial<TaskView>; evidence: string }>([
    { gate: 'intake', more: {}, evidence: '' },
    { gate: 'intake', more: { issue: 7 }, evidence: 'issue #7' },
    { gate: 'implement', more: {}, evidence: '' },
    { gate: 'verify-delivery', more: { headSha: head }, evidence: '`aaaaaaaaaa`' },
    { gate: 'push', more: { headSha: head }, evidence: '' },
    { gate: 'open-pull-request', more: { pullRequest: 12 }, evidence: '#12' },
    { gate: 'review-and-ci', more: {}, evidence: '' },
    { gate: 'review-and-ci', more: { ci: 'pending' }, evidence: 'CI: pending' },
    {
      gate: 'review-and-ci',
      more: {
        headSha: head,
        ci: 'passed',
        reviews: [review('diff-check', 'approve'), review('test-check', 'request-changes')],
      },
      evidence: 'diff-check: approve, test-check: request-changes, CI: passed',
    },
    {
      // A verdict on another commit proves nothing here.
      gate: 'review-and-ci',
      more: { headSha: head, reviews: [review('diff-check', 'approve', older)] },
      evidence: '',
    },
    {
      gate: 'go-ahead',
      more: { goAhead: { sha: head, by: 'lead', via: 'api', at: 0 } },
      evidence: 'lead for `aaaaaaaaaa`',
    },
    { gate: 'merge-lane', more: { mergeSha: older }, evidence: '`bbbbbbbbbb`' },
    { gate: 'verify-merge', more: { mergeCi: 'failed' }, evidence: 'failed' },
  ])('have for $gate the evidence "$evidence"', ({ gate, more, evidence }) => {
    expect(row(view(more), gate)[1]).toBe(evidence);
  });
});
