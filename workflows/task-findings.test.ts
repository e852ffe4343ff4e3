import { expect, it } from 'vitest';
import type { Finding, Review } from '../schema/contracts/review.ts';
import { initialTaskView } from '../schema/contracts/views.ts';
import { TaskFindings } from './task-findings.ts';

const head = '1'.repeat(40);
const bug: Finding = { severity: 'blocker', category: 'bug', message: 'x may be null' };
const slow: Finding = { severity: 'should-fix', category: 'speed', message: 'this is slow' };

function objection(findings: Finding[]): Review {
  return { engine: 'reader', sha: head, verdict: 'request-changes', summary: 'no', findings };
}

function reviewed(...findings: Finding[]) {
  const view = initialTaskView({ mission: 'm', milestone: 'm1', id: 'A', title: 'A' });
  view.headSha = head;
  const memory = new TaskFindings(view, {});
  memory.reviewed(objection(findings));
  return { view, memory };
}

it('a verdict stands for its head, with the ids of its findings', () => {
  const { view, memory } = reviewed(bug);
  const id = view.findings[0]?.id;
  expect(memory.standing('reader')).toMatchObject({ verdict: 'request-changes', findings: [{ id }] });
  expect(memory.standing('other')).toBeUndefined();
  view.headSha = '2'.repeat(40);
  expect(memory.standing('reader')).toBeUndefined();
});

it('an objection does not stand any more when all that it rests on was decided on', () => {
  const { view, memory } = reviewed(bug, slow);
  view.findings = view.findings.map((one, n) => (n === 0 ? { ...one, state: 'dropped' } : one));
  expect(memory.standing('reader')).toMatchObject({ verdict: 'request-changes' });
  view.findings = view.findings.map((one) => ({ ...one, state: 'dropped' }));
  expect(memory.standing('reader')).toBeUndefined();
});

it('an objection without a finding stands: nobody can decide on it', () => {
  const { memory } = reviewed();
  expect(memory.standing('reader')).toMatchObject({ verdict: 'request-changes' });
});

it('an engine that has read a head again has one verdict on it, the newer', () => {
  const { view, memory } = reviewed(bug);
  memory.reviewed({ engine: 'reader', sha: head, verdict: 'approve', summary: 'fine', findings: [] });
  expect(view.reviews).toMatchObject([{ verdict: 'approve' }]);
});
