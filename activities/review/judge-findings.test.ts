import { expect, it } from 'vitest';
import type { ReviewAnswer, StatedFinding } from '../../schema/contracts/review.ts';
import { remember } from '../../workflows/rules/findings.ts';
import { makeRepository } from '../../test/support/repository.ts';
import { judgeFindings } from './judge-findings.ts';

async function changed() {
  const repo = await makeRepository({ 'README.md': 'hi\n' });
  const { git, planned, workspace } = repo;
  const files = { 'src/a.js': 'one\n  two();\nthree', 'gone.js': 'a\nb\n', 'empty.js': '' };
  const baseSha = await repo.commit({ branch: 'main', files });
  const headSha = await repo.commit({ branch: 'topic', files: { 'src/b.js': 'b\n', 'gone.js': null } });
  for (const sha of [baseSha, headSha]) await workspace.fetchCommit({ repository: planned, sha });
  const repository = await workspace.openMirror(planned);
  return { git, repository, headSha, baseSha, engine: 'reader' };
}

function finding(more: Partial<StatedFinding>): StatedFinding {
  return { severity: 'blocker', category: 'bug', message: 'wrong', ...more };
}

function objection(...findings: StatedFinding[]): ReviewAnswer {
  return { verdict: 'request-changes', summary: 'no', findings };
}

it('a finding is looked up before it counts', async () => {
  const change = await changed();
  const there: Partial<StatedFinding>[] = [
    { file: 'src/a.js', line: 2 },
    { file: './src/a.js', line: 3 },
    { file: 'src/b.js' },
    { file: 'src/' },
    { file: 'gone.js', line: 2 },
    { file: 'empty.js', line: 1 },
    {},
  ];
  const notThere: Partial<StatedFinding>[] = [
    { file: 'src/a.js', line: 4 },
    { file: 'a.js' },
    { file: 'gone.js', line: 3 },
    { file: 'src', line: 1 },
    { file: '../a.js', line: 1 },
    { file: '/etc/passwd', line: 1 },
    { file: 'a\nREADME.md' },
    { file: 'README.md:1' },
  ];
  const answer = objection(...[...there, ...notThere].map(finding));
  const judged = await judgeFindings({ ...change, answer });
  if (judged.kind !== 'review') throw new Error(judged.reason);
  const { findings } = judged.review;
  expect(findings.slice(0, there.length).map(({ unfounded }) => unfounded)).toEqual(
    there.map(() => undefined),
  );
  expect(findings.slice(0, 5).map(({ text }) => text)).toEqual([
    'two();',
    'three',
    undefined,
    undefined,
    'b',
  ]);
  expect(findings.slice(there.length).map(({ unfounded }) => unfounded)).toEqual([
    'src/a.js has 3 lines',
    'there is no a.js',
    'gone.js has 2 lines',
    'src is a folder: it has no lines',
    'there is no ../a.js',
    'there is no /etc/passwd',
    'there is no a\nREADME.md',
    'there is no README.md:1',
  ]);
});

it.each([
  { file: 'nowhere.js', line: 1, why: 'there is no nowhere.js' },
  { file: 'src/a.js', line: 99, why: 'src/a.js has 3 lines' },
])('asking for changes over $file:$line alone is no verdict', async ({ why, ...place }) => {
  const answer = objection(finding(place), finding({ severity: 'nit' }));
  const judged = await judgeFindings({ ...(await changed()), answer });
  const reason = `the request for changes rests on nothing that counts: "wrong": ${why}`;
  expect(judged).toEqual({ kind: 'no-verdict', reason });
});

it('asking for changes over one thing that is there is a verdict, whatever else is not', async () => {
  const answer = objection(finding({ file: 'nowhere.js' }), finding({ severity: 'should-fix' }));
  const judged = await judgeFindings({ ...(await changed()), answer });
  expect(judged).toMatchObject({ kind: 'review', review: { verdict: 'request-changes' } });
});

it('an approval stays one, with what it says of things that are not there', async () => {
  const findings = [finding({ severity: 'nit', file: 'nowhere.js' })];
  const answer: ReviewAnswer = { verdict: 'approve', summary: 'good', findings };
  const judged = await judgeFindings({ ...(await changed()), answer });
  expect(judged).toMatchObject({
    kind: 'review',
    review: { verdict: 'approve', findings: [{ unfounded: 'there is no nowhere.js' }] },
  });
});

it('asking for changes over what a person has dropped is no verdict, and the reviewer is told who did', async () => {
  const change = await changed();
  const answer = objection(finding({ file: 'src/a.js', line: 2 }));
  const first = await judgeFindings({ ...change, answer });
  if (first.kind !== 'review') throw new Error(first.reason);
  const [known] = remember([], first.review);
  if (!known) throw new Error('nothing is remembered');
  const note = { sha: change.headSha, by: 'ann', what: 'dropped' as const, why: 'meant so' };
  const earlier = [{ ...known, state: 'dropped' as const, history: [...known.history, note] }];
  const again = await judgeFindings({ ...change, answer, earlier });
  expect(again).toMatchObject({ kind: 'no-verdict' });
  expect(again).toHaveProperty('reason', expect.stringContaining(`${known.id} was dropped by ann: meant so`));
});
