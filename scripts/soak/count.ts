/** Counts, after a soak, what has come of each mission: in git, in the scripts' own notes, in histories and database. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { count, eq, max } from 'drizzle-orm';
import { execa } from 'execa';
import { dataPaths } from '../../activities/data-paths.ts';
import { taskWorkflowId } from '../../schema/contracts/names.ts';
import type { TaskView } from '../../schema/contracts/views.ts';
import type { Queries } from '../../schema/db/database.ts';
import { openPglite } from '../../schema/db/pglite.ts';
import { events } from '../../schema/db/tables.ts';
import { openDataDirectory, type EngineAddress } from '../../workers/data-directory.ts';
import type { MissionWithTasks } from '../cli/api-client.ts';
import { mergedTasks } from '../quickstart/merged-tasks.ts';
import { completedActivities, recordsOf, type Count } from '../quickstart/proof.ts';
import type { SoakMission } from './missions.ts';

export interface EndedMission {
  mission: SoakMission;
  found: MissionWithTasks;
}

/** What is merged happened once; what is not, not at all. */
function ifMerged(task: TaskView): number {
  return task.status === 'merged' ? 1 : 0;
}

/** For what an ended task may have or not, but never twice. */
function atMostOne(what: string, found: number): Count {
  return { what, found, expected: Math.min(found, 1) };
}

/** While the engine runs: everything but the database. */
export async function countOutside(ended: readonly EndedMission[], address: EngineAddress): Promise<Count[]> {
  const counts: Count[] = [];
  for (const { mission, found } of ended) {
    counts.push(countEnd(mission, found), ...(await countLaunches(mission, found.tasks)));
  }
  for (const repository of new Set(ended.map(({ mission }) => mission.repository))) {
    const here = ended.filter(({ mission }) => mission.repository === repository);
    counts.push(
      ...(await countInGit(
        repository,
        here.flatMap(({ found }) => found.tasks),
      )),
    );
  }
  const connection = await Connection.connect({ address: address.temporal });
  try {
    const client = new Client({ connection, namespace: address.namespace });
    for (const one of ended) counts.push(...(await countInHistories(client, address.installation, one)));
  } finally {
    await connection.close();
  }
  return counts;
}

/** A person answered whatever was blocked, so only what was cancelled may end otherwise. */
function countEnd(mission: SoakMission, found: MissionWithTasks): Count {
  const { status } = found.mission;
  const allowed = mission.cancelAfterMs === undefined ? ['completed'] : ['completed', 'cancelled'];
  return { what: `${mission.key} ended as ${status}`, found: allowed.includes(status) ? 1 : 0, expected: 1 };
}

async function countInGit(repository: string, tasks: readonly TaskView[]): Promise<Count[]> {
  const merged = await mergedTasks(repository);
  const { stdout } = await execa('git', ['for-each-ref', '--format=%(refname)', 'refs/heads/mission'], {
    cwd: repository,
  });
  return [
    ...tasks.map((task) => ({
      what: `git: merge commits of ${task.id}`,
      found: merged.filter((id) => id === task.id).length,
      expected: ifMerged(task),
    })),
    { what: `git: task branches left in ${repository}`, found: stdout === '' ? 0 : 1, expected: 0 },
  ];
}

/** A session that was killed before its first line has left no note; none has left two. */
async function countLaunches(mission: SoakMission, tasks: readonly TaskView[]): Promise<Count[]> {
  const notes = (await readFile(mission.launches, 'utf8')).split('\n').filter((line) => line !== '');
  const known = new Map(tasks.flatMap((task) => task.sessions).map((session) => [session.id, session]));
  return [
    ...[...known.values()]
      .filter(({ role }) => role === 'author')
      .map(({ id, exitCode }) => {
        const what = `scripts: launches of ${id}`;
        const found = notes.filter((note) => note === id).length;
        return exitCode === 0 ? { what, found, expected: 1 } : atMostOne(what, found);
      }),
    ...[...new Set(notes)]
      .filter((note) => !known.has(note))
      // A cancelled task forgets the session it was cancelled in.
      .map((note) =>
        atMostOne(`scripts: launches of ${note}`, notes.filter((other) => other === note).length),
      ),
  ];
}

async function countInHistories(client: Client, installation: string, of: EndedMission): Promise<Count[]> {
  const counts: Count[] = [];
  for (const task of of.found.tasks) {
    const workflowId = taskWorkflowId({ installation, mission: of.mission.key, task: task.id });
    // A task that was cancelled before its turn has no workflow.
    const begun = task.status !== 'waiting';
    const done = begun ? await completedActivities(client, workflowId) : new Map<string, number>();
    counts.push(
      {
        what: `history: issues closed by ${task.id}`,
        found: done.get('closeIssue') ?? 0,
        expected: ifMerged(task),
      },
      {
        what: `history: sessions of ${task.id}`,
        found: done.get('runSession') ?? 0,
        expected: task.sessions.filter(({ role }) => role === 'author').length,
      },
    );
  }
  return counts;
}

/** The database itself, with no engine in between: the engine must have stopped. */
export async function countInside(folder: string, ended: readonly EndedMission[]): Promise<Count[]> {
  const data = await openDataDirectory(folder);
  const database = await openPglite(data.pglite);
  try {
    const counts: Count[] = [];
    for (const { mission, found } of ended) {
      counts.push(await countEvents(database.queries, mission.key));
      for (const task of found.tasks) counts.push(...(await countTask(database.queries, mission.key, task)));
    }
    return counts;
  } finally {
    await database.close();
    await data.release();
  }
}

async function countEvents(queries: Queries, mission: string): Promise<Count> {
  const [row] = await queries
    .select({ rows: count(), last: max(events.seq) })
    .from(events)
    .where(eq(events.missionId, mission));
  return {
    what: `database: events of ${mission}, without a gap`,
    found: row?.rows ?? 0,
    expected: row?.last ?? -1,
  };
}

async function countTask(queries: Queries, mission: string, task: TaskView): Promise<Count[]> {
  const { pullRequests, issues, recorded } = await recordsOf(queries, { mission, task });
  return [
    atMostOne(`database: pull requests of ${task.id}`, pullRequests.length),
    {
      what: `database: of these, merged as the task says`,
      found: pullRequests.filter((row) => row.state === 'merged' && row.mergeSha === task.mergeSha).length,
      expected: ifMerged(task),
    },
    {
      what: `database: of these, open`,
      found: pullRequests.filter((row) => row.state === 'open').length,
      expected: 0,
    },
    {
      what: `database: closed issues of ${task.id}`,
      found: issues.filter((issue) => issue.state === 'closed').length,
      expected: ifMerged(task),
    },
    atMostOne(`database: issues of ${task.id}`, issues.length),
    { what: `database: sessions of ${task.id}`, found: recorded.length, expected: task.sessions.length },
  ];
}

/** Clones and checkouts that nobody has removed. */
export async function countLeftOver(folder: string): Promise<Count[]> {
  const { root, checkouts } = dataPaths(folder);
  const work = join(root, 'work');
  const missions = await readdir(work).catch(() => []);
  const clones = await Promise.all(missions.map((mission) => readdir(join(work, mission))));
  const left = await readdir(checkouts).catch(() => []);
  return [
    { what: 'disk: clones left over', found: clones.flat().length, expected: 0 },
    { what: `disk: checkouts left over ${left.join(' ')}`, found: left.length, expected: 0 },
  ];
}
