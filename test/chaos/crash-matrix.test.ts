import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Coordinator } from '../../scripts/quickstart/coordinator.ts';
import { builtProgram } from '../../scripts/quickstart/engine-process.ts';
import {
  countInDataDirectory,
  countInGit,
  countInHistory,
  countLaunches,
  faults,
  type Count,
} from '../../scripts/quickstart/proof.ts';
import type { MissionEvent, TaskView } from '../../schema/contracts/views.ts';
import { readAddress } from '../../workers/data-directory.ts';
import { keepAlive, startKillableEngine, type KillableEngine } from '../support/engine-process.ts';
import { temporaryFolder } from '../support/temporary.ts';

/** The engine dies at each of these by its own hand: see `crashing-engine.ts`. */
interface Life {
  name: string;
  points: readonly string[];
}

const effects = [
  'openMilestones',
  'openIssue',
  'runSession',
  'verifyDelivery',
  'pushBranch',
  'openPullRequest',
  'review',
  'requestMerge',
  'merge',
  'closeIssue',
  'tidyForge',
  'cleanUp',
  'closeMilestone',
  'recordTask',
  'recordMission',
];

const lives: Life[] = [
  { name: 'right before an effect', points: effects.map((effect) => `before ${effect}`) },
  { name: 'right after an effect', points: effects.map((effect) => `after ${effect}`) },
  {
    name: 'in the midst of an effect',
    points: [
      'before the launch of the runner',
      'after the launch of the runner',
      'before git push',
      'after git push',
      'before the move of the base',
      'after the move of the base',
    ],
  },
  {
    // A life of its own: a death for another reason, once the go-ahead is in, would spare it the next point.
    name: 'around the go-ahead',
    points: [
      'before the go-ahead is received',
      'after the go-ahead, before its answer',
      'after the answer to the go-ahead',
    ],
  },
];

interface Story {
  /** Points that the engine has not died at. */
  missed: string[];
  /** What the mission has said. */
  events: MissionEvent[];
  tasks: TaskView[];
  counts: Count[];
}

/** Two tasks side by side: the one that does not die with the engine has to come through as well. */
const tasks = ['A', 'B'];

const coordinator = 'test';

async function live(at: KillableEngine, points: string): Promise<Story> {
  const launches = join(at.work, 'launches');
  const script = (task: string): string =>
    `echo "$MISSION_SESSION" >> '${launches}'
echo done > ${task}.txt
git add --all
git commit --quiet --message 'Work'
`;
  const reborn = keepAlive(at);
  await at.startMission({
    key: 'm',
    scripts: Object.fromEntries(tasks.map((task) => [task, script(task)])),
    policy: { coordinators: [coordinator] },
  });
  const goAheads = new Coordinator({ api: at.api, mission: 'm' });
  const events = await new Promise<MissionEvent[]>((resolve, reject) => {
    const followed = at.follow('m', (event) => {
      goAheads.hear(event);
      // Without it the mission would wait for ever.
      goAheads.done().catch(reject);
    });
    followed.then(resolve, reject);
  });
  await goAheads.done();
  const { mission, tasks: views } = await (await at.api()).show('m');
  const address = await readAddress(at.data);
  if (!address) throw new Error('the engine is not up');
  const repository = at.repository.planned.address;
  const evidence = { mission: 'm', tasks: views, repository, launches, address };
  const counts = [
    ...(await countInGit(evidence)),
    ...(await countLaunches(evidence)),
    ...(await countInHistory({ ...evidence, repositoryId: mission.repository.id })),
  ];
  await reborn.end();
  counts.push(...(await countInDataDirectory(at.data, evidence)));
  return { missed: await readdir(points), events, tasks: views, counts };
}

/** Each death costs up to 10 s, for the workflow task that died with the engine, and the start of the next one. */
const manyDeathsMs = 480_000;

const stories = new Map<string, Story>();

beforeAll(async () => {
  const closers: (() => Promise<void>)[] = [];
  // Most of a recovery is waiting for a time-out: the lives are told side by side.
  const told = await Promise.allSettled(
    lives.map(async (life) => {
      const atEnd = (close: () => Promise<void>): unknown => closers.unshift(close);
      const points = join(await temporaryFolder(atEnd), 'points');
      await mkdir(points);
      for (const point of life.points) await writeFile(join(points, point), '');
      const command = builtProgram('crashing-engine', points);
      const at = await startKillableEngine({ command, atEnd });
      stories.set(life.name, await live(at, points));
    }),
  );
  for (const close of closers) await close();
  const failed = told.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}, manyDeathsMs);

function storyOf(life: Life): Story {
  const story = stories.get(life.name);
  if (!story) throw new Error(`the life "${life.name}" was not told to its end`);
  return story;
}

describe.each(lives)('a mission whose engine is killed $name', (life) => {
  it.each(life.points)('dies %s', (point) => {
    expect(storyOf(life).missed).not.toContain(point);
  });

  it('completes', () => {
    const { events, tasks: views } = storyOf(life);
    expect(events.at(-1)).toMatchObject({ type: 'mission-ended', message: 'completed' });
    expect(views.map(({ id, status }) => `${id} ${status}`)).toEqual(tasks.map((id) => `${id} merged`));
  });

  it('tells all that has happened in one order, with nothing left out', () => {
    const { events } = storyOf(life);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  });

  it('has one pull request, one merge and one close for each task, by every count', () => {
    expect(faults(storyOf(life).counts)).toEqual([]);
  });

  it('launches one author and one reviewer of each engine for each task', () => {
    for (const { sessions } of storyOf(life).tasks) {
      expect(sessions.map(({ role }) => role).sort()).toEqual([
        'author',
        'review-diff-check',
        'review-test-check',
      ]);
    }
  });
});
