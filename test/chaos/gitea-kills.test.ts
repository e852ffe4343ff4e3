import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { builtProgram } from '../../scripts/quickstart/engine-process.ts';
import { readAddress } from '../../workers/data-directory.ts';
import { noBuildbot, startBuildbot, whyNoBuildbot, type TestBuildbot } from '../support/buildbot.ts';
import { useDatabase } from '../support/databases.ts';
import { keepAlive } from '../support/engine-process.ts';
import { startGiteaMissions } from '../support/gitea-missions.ts';
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

async function live(lifePoints: readonly string[], buildbot: TestBuildbot): Promise<void> {
  const points = join(await temporaryFolder(), 'points');
  await mkdir(points);
  for (const point of lifePoints) await writeFile(join(points, point), '');
  const at = await startGiteaMissions({
    ...{ gitea: gitea(), buildbot, queries: database().queries },
    command: builtProgram('crashing-engine', points),
  });
  // It has another address after each start. Without the webhook it would wait for its next look.
  const hear = async (): Promise<unknown> =>
    (await at.api())
      .addWebhook({
        repository: at.repository.planned.address,
        url: (await readAddress(at.data))?.url ?? '',
      })
      // It may be dead again; the next one asks as well.
      .catch(() => undefined);
  await hear();
  const reborn = keepAlive(at, hear);
  onTestFinished(() => reborn.end());
  await at.startMission({
    key: 'm',
    scripts: { A: "echo done > a.txt\ngit add --all\ngit commit --quiet --message 'Work'\n" },
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
  expect(pullRequest?.reviews.map(({ by, state, sha }) => [by, state, sha]).sort()).toEqual([
    ['author', 'COMMENT', pullRequest?.head],
    ['reviewer', 'APPROVED', pullRequest?.head],
  ]);
  const comments = await at.look(`/issues/${left.issues[0]?.number ?? 0}/comments`, z.array(z.unknown()));
  expect(comments).toHaveLength(1);
}
