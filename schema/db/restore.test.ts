import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Policy } from '../contracts/mission-file.ts';
import type { Plan } from '../contracts/plan.ts';
import type { ToldEvent, ToldMission, ToldTask } from '../contracts/told.ts';
import {
  initialMissionView,
  initialTaskView,
  type MissionEvent,
  type TaskPlacement,
} from '../contracts/views.ts';
import { repository, task as plannedTask } from '../../test/support/plans.ts';
import type { Database, Queries } from './database.ts';
import { openPglite } from './pglite.ts';
import { readEvents, readMission, readTasks } from './missions.ts';
import { recordMission, recordTask } from './projection.ts';
import { restoreRows, restoreTold } from './restore.ts';
import { events, missions, reviews, sessions, tasks } from './tables.ts';

const plan: Plan = {
  mission: 'greetings',
  title: 'Greetings',
  repository,
  policy: Policy.parse({}),
  milestones: [{ id: 'm1', title: 'Core', tasks: ['A', 'B'].map((id) => plannedTask(id)) }],
};

const common = { tenant: 'default', mission: 'greetings', host: 'local' };
const key = { tenant: 'default', mission: 'greetings' };
const startedAt = new Date(1_000);

function placement(id: string, status: TaskPlacement['status'] = 'waiting'): TaskPlacement {
  return { id, title: id, milestone: 'm1', status };
}

function event(at: number, place: [seq: number, index: number], type: ToldEvent['type']): ToldEvent {
  return { at, type, message: `${at}`, seq: place[0], index: place[1] };
}

function mission(seq: number, events: ToldEvent[], more: Partial<ToldMission> = {}): ToldMission {
  const ended = events.some(({ type }) => type === 'mission-ended');
  const view = initialMissionView(plan, ended ? 'completed' : 'running');
  const tasks = [placement('A'), placement('B')];
  return { ...common, seq, view, events, plan, origin: null, tasks, results: [], ...more };
}

function task(id: string, seq: number, events: ToldEvent[]): ToldTask {
  const view = initialTaskView({ mission: 'greetings', milestone: 'm1', id, title: id });
  return { ...common, seq, events, view: { ...view, status: 'running', headSha: `${seq}` } };
}

let database: Database;
let queries: Queries;

beforeAll(async () => {
  database = await openPglite();
  queries = database.queries;
});
beforeEach(async () => {
  for (const table of [missions, tasks, sessions, reviews, events]) await queries.delete(table);
});
afterAll(() => database.close());

async function restore(missionRuns: ToldMission[], taskRuns: ToldTask[]) {
  await restoreRows(queries, { missionRuns, startedAt });
  return restoreTold(queries, { ...key, missionRuns, taskRuns });
}

async function storyOf(): Promise<[number, string | null, MissionEvent['type'], number][]> {
  const told = await readEvents(queries, { ...key, after: 0, limit: 5_000 });
  return told.map(({ seq, task: of, type, at }) => [seq, of, type, at]);
}

describe('a mission restored from what was told', () => {
  it('has its events by their clocks, at one moment the mission before its tasks', async () => {
    const told = [event(10, [1, 0], 'mission-started'), event(40, [2, 0], 'mission-ended')];
    const b = task('B', 2, [event(20, [1, 0], 'gate-entered'), event(20, [1, 1], 'waiting')]);
    const a = task('A', 3, [event(10, [1, 0], 'gate-entered'), event(20, [3, 0], 'blocked')]);
    expect(await restore([mission(2, told)], [b, a])).toEqual({ rows: 3, events: 6 });
    expect(await storyOf()).toEqual([
      [1, null, 'mission-started', 10],
      [2, 'A', 'gate-entered', 10],
      [3, 'A', 'blocked', 20],
      [4, 'B', 'gate-entered', 20],
      [5, 'B', 'waiting', 20],
      [6, null, 'mission-ended', 40],
    ]);
    const row = await readMission(queries, key);
    expect(row).toMatchObject({ status: 'completed', fileHash: null, createdBy: null, createdAt: startedAt });
    expect(row?.endedAt).toEqual(new Date(40));
  });

  it('has its origin, where that was kept', async () => {
    const origin = { fileHash: 'abc', createdBy: 'lead', createdAt: 77 };
    await restore([mission(1, [], { origin })], []);
    expect(await readMission(queries, key)).toMatchObject({ ...origin, createdAt: new Date(77) });
  });

  it('joins the runs of one that went on as new, and has its plan as amended', async () => {
    const first = mission(2, [event(10, [1, 0], 'mission-started'), event(20, [2, 0], 'milestone-started')]);
    const tasks = [placement('C'), placement('A'), placement('B', 'deferred')];
    const amended = { ...plan, milestones: [{ id: 'm1', title: 'Core', tasks: [plannedTask('C')] }] };
    const second = mission(3, [event(30, [3, 0], 'amended')], { tasks, plan: amended });
    await restore([first, second], [task('A', 1, [])]);
    expect((await storyOf()).map(([, , type]) => type)).toEqual([
      'mission-started',
      'milestone-started',
      'amended',
    ]);
    expect((await readTasks(queries, key)).map(({ id, status }) => [id, status])).toEqual([
      ['C', 'waiting'],
      ['A', 'running'],
      ['B', 'deferred'],
    ]);
    expect((await readMission(queries, key))?.plan).toEqual(amended);
  });

  it('is not set back by what was told before the newest record', async () => {
    const [a, told] = [task('A', 2, []), mission(2, [event(10, [1, 0], 'mission-started')])];
    await restore([told], [a]);
    const tasks = [placement('A'), placement('B', 'deferred')];
    const view = { ...initialMissionView(plan, 'running'), milestone: 'm1' };
    await recordMission(queries, { ...key, seq: 3, view, events: [], amended: { host: 'local', tasks } });
    const newer = { ...initialTaskView({ mission: 'greetings', milestone: 'm1', id: 'A', title: 'A' }) };
    await recordTask(queries, {
      ...key,
      seq: 3,
      view: { ...newer, status: 'merged' },
      events: [event(50, [3, 0], 'merged')],
    });

    expect(await restore([told], [a])).toEqual({ rows: 0, events: 0 });
    expect(await readMission(queries, key)).toMatchObject({ viewSeq: 3, view: { milestone: 'm1' } });
    expect((await readTasks(queries, key)).map(({ status }) => status)).toEqual(['merged', 'deferred']);
  });

  it('takes what a workflow told again after a reset only once', async () => {
    const before = task('A', 2, [event(10, [1, 0], 'gate-entered'), event(20, [2, 0], 'blocked')]);
    const after = task('A', 1, [event(10, [1, 0], 'gate-entered')]);
    expect(await restore([mission(1, [])], [before, after])).toMatchObject({ events: 2 });
    expect((await readTasks(queries, key))[0]?.headSha).toBe('2');
  });

  it('keeps the end of a task that only its mission remembers, also over an amendment', async () => {
    const results = [{ task: 'A', status: 'merged' as const, mergeSha: 'f00', reason: null }];
    const told = mission(1, [], { results });
    await restore([told], []);
    const amended = { host: 'local', tasks: told.tasks };
    await recordMission(queries, {
      ...key,
      seq: 2,
      view: initialMissionView(plan, 'running'),
      events: [],
      amended,
    });
    expect((await readTasks(queries, key))[0]).toMatchObject({ status: 'merged', mergeSha: 'f00' });
  });

  it('may be long: more events than one statement takes', async () => {
    const many = Array.from({ length: 2_500 }, (_, index) => event(index, [index + 1, 0], 'waiting'));
    expect(await restore([mission(1, [])], [task('A', 2_500, many)])).toMatchObject({
      events: 2_500,
    });
    const story = await storyOf();
    expect(story.map(([seq]) => seq)).toEqual(many.map((_, index) => index + 1));
    expect(story.map(([, , , at]) => at)).toEqual(many.map(({ at }) => at));
  });
});
