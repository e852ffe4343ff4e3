import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { builtProgram } from '../../scripts/quickstart/engine-process.ts';
import { noBuildbot, startBuildbot, whyNoBuildbot } from '../support/buildbot.ts';
import { useDatabase } from '../support/databases.ts';
import { keepAlive } from '../support/engine-process.ts';
import { startGiteaMissions, type CiBeside } from '../support/gitea-missions.ts';
import { useGitea } from '../support/gitea.ts';
import { temporaryFolder } from '../support/temporary.ts';

const database = useDatabase('PGlite');
const gitea = useGitea();
beforeEach((context) => context.skip(noBuildbot, whyNoBuildbot));

const effects = [
  'openMilestones',
  'pushBranch',
  'openPullRequest',
  'review',
  'merge',
  'closeIssue',
  'tidyForge',
  'closeMilestone',
];

/** The engine dies at each of these by its own hand: see `crashing-engine.ts`. */
const lives = {
  before: effects.map((effect) => `before ${effect}`),
  after: effects.map((effect) => `after ${effect}`),
  // Gitea has done it, and the engine knows nothing of it.
  unheard: [
    'POST milestones',
    'POST issues',
    'POST pulls',
    'POST reviews',
    'POST resolve',
    'POST merge',
    'POST comments',
    'PATCH issues',
    'POST tags',
    'POST releases',
    'PATCH milestones',
  ].map((call) => `at the answer to ${call}`),
};

/** Each death costs up to 10 s, for the workflow task that died with the engine, and the start of the next one. */
const manyDeathsMs = 480_000;

it(
  'an engine that is killed at every effect on a real Gitea leaves one of each',
  async () => {
    const buildbot = await startBuildbot({ gitea: gitea(), atEnd: onTestFinished });
    // Most of a recovery is waiting for a time-out: the lives are told side by side.
    await Promise.all(Object.values(lives).map((points) => live(points, buildbot)));
  },
  manyDeathsMs,
);

/** Its first head has a line that ends in white space, which a reviewer objects to. */
const mendsItsLine = `if [ -e a.txt ]; then echo done > a.txt; else echo 'done ' > a.txt; fi
git add --all
git commit --quiet --message Work
`;

const PlacedComments = z.array(
  z.object({
    path: z.string(),
    position: z.int(),
    resolver: z.object({ login: z.string() }).nullable(),
  }),
);

async function live(lifePoints: readonly string[], ci: CiBeside): Promise<void> {
  const points = join(await temporaryFolder(), 'points');
  await mkdir(points);
  for (const point of lifePoints) await writeFile(join(points, point), '');
  const at = await startGiteaMissions({
    ...{ gitea: gitea(), ci, queries: database().queries },
    command: builtProgram('crashing-engine', points),
  });
  await at.hear();
  const reborn = keepAlive(at, () => at.hear());
  onTestFinished(() => reborn.end());
  await at.startMission({
    key: 'm',
    scripts: { A: mendsItsLine },
    policy: { requireCi: true },
    milestone: { release: { tag: 'v1.0.0' } },
  });
  const events = await at.follow('m');
  expect(events.at(-1)).toMatchObject({ message: 'completed' });
  expect(await readdir(points)).toEqual([]);

  const left = await at.lookAtAll();
  expect(left).toMatchObject({
    issues: [{ state: 'closed' }],
    pullRequests: [{ merged: true, mergeSha: left.commits[0]?.sha }],
    branches: ['main'],
    tags: [{ name: 'v1.0.0', sha: left.commits[0]?.sha }],
    releases: ['v1.0.0'],
    milestones: [{ state: 'closed' }],
    verdict: 'success',
  });
  // Before the merge stand the first commit and the pipeline's.
  expect(left.commits).toHaveLength(3);
  const [pullRequest] = left.pullRequests;
  const heads = pullRequest?.reviews.map(({ by, state, sha }) => [by, state, sha === pullRequest.head]);
  expect(heads?.sort()).toEqual([
    ['author', 'COMMENT', false],
    ['author', 'COMMENT', true],
    ['reviewer', 'APPROVED', true],
    ['reviewer', 'REQUEST_CHANGES', false],
  ]);
  // What was found at a line is told there once, and settled once it was mended.
  const found = await Promise.all(
    (pullRequest?.reviews ?? []).map(({ id }) =>
      at.look(`/pulls/${pullRequest?.number ?? 0}/reviews/${id}/comments`, PlacedComments),
    ),
  );
  expect(found.flat()).toEqual([{ path: 'a.txt', position: 1, resolver: { login: 'reviewer' } }]);
  const comments = await at.look(`/issues/${left.issues[0]?.number ?? 0}/comments`, z.array(z.unknown()));
  expect(comments).toHaveLength(1);
}
