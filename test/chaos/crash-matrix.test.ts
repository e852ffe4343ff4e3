import { writeFileSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { builtProgram } from '../../scripts/quickstart/engine-process.ts';
import {
  countInDataDirectory,
  countInGit,
  countInHistory,
  countLaunches,
  faults,
  type Count,
} from '../../scripts/quickstart/proof.ts';
import { Notification } from '../../schema/contracts/notify.ts';
import type { MissionEvent, TaskView } from '../../schema/contracts/views.ts';
import { readAddress } from '../../workers/data-directory.ts';
import { keepAlive } from '../support/engine-process.ts';
import type { Heard } from '../support/listener.ts';
import { temporaryFolder, type AtEnd } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { decisions, notified, twoTasks, type Scene, type Stage } from './scenes.ts';

/** The engine dies at each of these by its own hand: see `crashing-engine.ts`. */
interface Life {
  name: string;
  points: readonly string[];
  /** Points that count once somebody is asked: the engine comes to them at the mission's start as well. */
  later?: readonly string[];
  scene: (of: Stage) => Promise<Scene>;
  /** Who is launched for each task. */
  launched: Record<string, readonly string[]>;
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

const builtIn = ['author', 'review-diff-check', 'review-test-check'];
const plain = { scene: twoTasks, launched: { A: builtIn, B: builtIn } };

const decided: Life = {
  name: 'around what persons decide, and are told',
  scene: decisions,
  points: [
    // It is taken from the outbox, and nobody was told.
    'before POST told',
    // Somebody was told, and the engine does not know.
    'at the answer to POST told',
    'before the decision is received',
    'after the decision, before its answer',
    // The first of two. The other may be taken meanwhile: no later point is sure to come.
    'after the go-ahead, before its answer',
  ],
  // Of the plan that has got a task more.
  later: ['before recordMission', 'after recordMission'],
  launched: {
    A: ['author', 'author', 'author', 'review-diff-check', 'review-picky', 'review-picky'],
    'A-QA': ['author', 'review-diff-check', 'review-picky'],
  },
};

const lives: Life[] = [
  { name: 'right before an effect', points: effects.map((effect) => `before ${effect}`), ...plain },
  { name: 'right after an effect', points: effects.map((effect) => `after ${effect}`), ...plain },
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
    ...plain,
  },
  {
    // A life of its own: a death for another reason, once the go-ahead is in, would spare it the next point.
    name: 'around the go-ahead',
    points: [
      'before the go-ahead is received',
      'after the go-ahead, before its answer',
      'after the answer to the go-ahead',
    ],
    ...plain,
  },
  decided,
];

interface Story {
  /** Points that the engine has not died at. */
  missed: string[];
  /** What the mission has said. */
  events: MissionEvent[];
  tasks: TaskView[];
  counts: Count[];
  /** What somebody outside was told. */
  heard: readonly Heard[];
}

async function live(
  life: Life,
  { at, start, persons, heard, isAllTold }: Scene,
  points: string,
): Promise<Story> {
  const launches = join(at.work, 'launches');
  const later = new Set(life.later);
  const reborn = keepAlive(at);
  await start(launches);
  const events = await new Promise<MissionEvent[]>((resolve, reject) => {
    const followed = at.follow('m', (event) => {
      if (event.type === 'asked') {
        for (const point of later) writeFileSync(join(points, point), '');
        later.clear();
      }
      for (const person of persons) {
        person.hear(event);
        // Without it the mission would wait for ever.
        person.done().catch(reject);
      }
    });
    followed.then(resolve, reject);
  });
  for (const person of persons) await person.done();
  await until(isAllTold);
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
  return { missed: await readdir(points), events, tasks: views, counts, heard };
}

/** Each death costs up to 10 s, for the workflow task that died with the engine, and the start of the next one. */
const manyDeathsMs = 480_000;

const stories = new Map<string, Story>();

beforeAll(async () => {
  const closers: (() => Promise<void>)[] = [];
  const atEnd: AtEnd = (close) => closers.unshift(close);
  // Most of a recovery is waiting for a time-out: the lives are told side by side.
  const told = await Promise.allSettled(
    lives.map(async (life) => {
      const points = join(await temporaryFolder(atEnd), 'points');
      await mkdir(points);
      for (const point of life.points) await writeFile(join(points, point), '');
      const scene = await life.scene({ command: builtProgram('crashing-engine', points), atEnd });
      stories.set(life.name, await live(life, scene, points));
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
  it.each([...life.points, ...(life.later ?? [])])('dies %s', (point) => {
    expect(storyOf(life).missed).not.toContain(point);
  });

  it('completes', () => {
    const { events, tasks } = storyOf(life);
    expect(events.at(-1)).toMatchObject({ type: 'mission-ended', message: 'completed' });
    const merged = Object.keys(life.launched).map((id) => `${id} merged`);
    expect(tasks.map(({ id, status }) => `${id} ${status}`)).toEqual(merged);
  });

  it('tells all that has happened in one order, with nothing left out', () => {
    const { events } = storyOf(life);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  });

  it('has one pull request, one merge and one close for each task, by every count', () => {
    expect(faults(storyOf(life).counts)).toEqual([]);
  });

  it('launches each author and each reviewer once', () => {
    const launched = storyOf(life).tasks.map(({ id, sessions }) => [
      id,
      sessions.map(({ role }) => role).sort(),
    ]);
    expect(Object.fromEntries(launched)).toEqual(life.launched);
  });
});

describe('what persons are asked and told while their engine dies', () => {
  function told(type: MissionEvent['type']): string[] {
    return storyOf(decided).events.flatMap((event) => (event.type === type ? [event.message] : []));
  }

  it('is asked once, and answered once, though two of them answer, and again', () => {
    const asked = told('asked').map((message) => message.split(':')[0]);
    expect(asked).toEqual(['law-1', expect.stringMatching(/^finding-f-[0-9a-f]+$/)]);
    expect(told('answered')).toEqual([
      expect.stringMatching(/^law-1: lift by (?:ann|bob)/),
      expect.stringMatching(/^finding-f-[0-9a-f]+: defer by (?:ann|bob)/),
    ]);
    expect(storyOf(decided).tasks[0]?.lifted).toHaveLength(1);
    expect(storyOf(decided).tasks[0]?.findings).toMatchObject([{ state: 'deferred' }]);
  });

  it('is merged by the go-ahead of both, each counted once', () => {
    const [task, followUp] = storyOf(decided).tasks;
    expect(task?.goAheads.map(({ by }) => by).sort()).toEqual(['ann', 'bob']);
    expect(new Set(task?.goAheads.map(({ sha }) => sha))).toEqual(new Set([task?.headSha]));
    expect(followUp?.goAheads.map(({ by }) => by)).toEqual(['policy']);
  });

  it('makes one task of what was put off', () => {
    expect(told('amended')).toEqual([expect.stringContaining('A-QA added to m1, by engine')]);
  });

  it('reaches who listens outside, always in the same words', () => {
    const { heard } = storyOf(decided);
    const texts = new Map(heard.map(({ notification, text }) => [notification.id, text]));
    const kinds = [...texts.values()].map((text) => Notification.parse(JSON.parse(text)).kind);
    expect(kinds.sort()).toEqual(notified);
    expect(heard.every(({ notification, text }) => texts.get(notification.id) === text)).toBe(true);
    // Who has taken it and was not heard is told again.
    expect(heard.length).toBeGreaterThan(texts.size);
  });
});
