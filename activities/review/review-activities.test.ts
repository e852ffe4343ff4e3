import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { expect, it } from 'vitest';
import { builtFolder } from '../../schema/package-root.ts';
import { useDatabase } from '../../test/support/databases.ts';
import { task } from '../../test/support/plans.ts';
import { localForge, makeRepository } from '../../test/support/repository.ts';
import { sessionRuns } from '../../test/support/session-runs.ts';
import type { ReviewInput } from '../../workflows/ports.ts';
import { createProcesses } from '../processes/supervise.ts';
import { createReadings } from './readings.ts';
import { createReviewActivities } from './review-activities.ts';

const database = useDatabase('PGlite');

/** A reviewer that is a program of the shell, and what it is asked. */
async function makeWorld(reads: string) {
  const repository = await makeRepository({ 'README.md': 'hi\n' });
  const { git, planned, workspace, paths } = repository;
  // The engine's copy is there before either of the two commits.
  await workspace.fetchBranch({ repository: planned, branch: 'main' });
  const baseSha = await repository.commit({ branch: 'main', files: { 'AGENTS.md': 'Be brief.\n' } });
  const headSha = await repository.commit({ branch: 'topic', files: { 'a.txt': 'a\n' } });
  const forge = localForge({ git, queries: database().queries });
  const processes = createProcesses({ runner: join(builtFolder(), 'runner.js') });
  const { runs } = sessionRuns({ paths, processes });
  const engines = new Map([['reader', { family: 'f', argv: ['sh', '-c', reads] }]]);
  const readings = createReadings({ git, workspace, paths, runs, engines });
  const { review } = createReviewActivities({
    ...{ git, workspace, readings, forges: () => forge, scrub: (text) => text },
  });
  const input: ReviewInput = {
    place: { tenant: 'default', mission: 'm', task: 'A', branch: 'topic', repository: planned },
    host: 'local',
    sessionId: 'm.A.review-reader.1',
    engine: 'reader',
    pullRequest: 1,
    headSha,
    baseSha,
    task: task('A'),
    timeoutSeconds: 60,
  };
  return { headSha, review: () => new MockActivityEnvironment().run(review, input) };
}

const approves = `echo '{"verdict":"approve","summary":"read","findings":[]}'`;

it('a review reads a head that another host has pushed, by the rules of a base that another host has fetched', async () => {
  const { review, headSha } = await makeWorld(`grep -q 'Be brief.' && [ -e a.txt ] && ${approves}`);
  expect(await review()).toMatchObject({ kind: 'reviewed', review: { verdict: 'approve', sha: headSha } });
});

it.each([
  { name: 'has read', reads: approves, kind: 'reviewed' },
  { name: 'has edited its checkout', reads: `echo b > a.txt; ${approves}`, kind: 'no-verdict' },
])('what comes of a reviewer that $name is the same when its answer is lost', async ({ reads, kind }) => {
  const { review } = await makeWorld(reads);
  const first = await review();
  expect(first).toMatchObject({ kind });
  // By now its checkout is gone.
  expect(await review()).toEqual(first);
});
