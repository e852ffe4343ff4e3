/** Counts, from three sides that do not know of each other, that everything has happened exactly once. */
import { readFile } from 'node:fs/promises';
import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import { and, eq } from 'drizzle-orm';
import { execa } from 'execa';
import { laneWorkflowId, taskWorkflowId } from '../../schema/contracts/names.ts';
import type { TaskView } from '../../schema/contracts/views.ts';
import type { Queries } from '../../schema/db/database.ts';
import { openPglite } from '../../schema/db/pglite.ts';
import { forgeIssues, forgePullRequests, sessions } from '../../schema/db/tables.ts';
import { openDataDirectory, type EngineAddress } from '../../workers/data-directory.ts';
import { mergedTasks } from './merged-tasks.ts';

const { EventType } = proto.temporal.api.enums.v1;

/** One count: what was looked at, what was found, what should have been. */
export interface Count {
  what: string;
  found: number;
  expected: number;
}

export interface Evidence {
  mission: string;
  tasks: TaskView[];
  repository: string;
  launches: string;
}

export function faults(counts: readonly Count[]): Count[] {
  return counts.filter((count) => count.found !== count.expected);
}

export async function countInGit(of: Evidence): Promise<Count[]> {
  const merged = await mergedTasks(of.repository);
  const branches = await execa('git', ['for-each-ref', '--format=%(refname)', 'refs/heads/mission'], {
    cwd: of.repository,
  });
  const leftOver = branches.stdout.split('\n').filter((line) => line !== '').length;
  return [
    ...of.tasks.map(({ id }) => ({
      what: `git: merge commits of ${id} on main`,
      found: merged.filter((task) => task === id).length,
      expected: 1,
    })),
    { what: 'git: task branches left over', found: leftOver, expected: 0 },
  ];
}

/** The scripts' own note of each launch: a session that ran twice stands there twice. */
export async function countLaunches(of: Evidence): Promise<Count[]> {
  const launched = (await readFile(of.launches, 'utf8')).split('\n').filter((line) => line !== '');
  const known = of.tasks.flatMap((task) => task.sessions).filter((session) => session.role === 'author');
  return [
    ...known.map(({ id }) => ({
      what: `scripts: launches of session ${id}`,
      found: launched.filter((line) => line === id).length,
      expected: 1,
    })),
    { what: 'scripts: launches in all', found: launched.length, expected: known.length },
  ];
}

/** Reads the database itself, with no engine in between. */
export async function countInDatabase(queries: Queries, of: Evidence): Promise<Count[]> {
  const counts: Count[] = [];
  for (const task of of.tasks) counts.push(...(await countTask(queries, of.mission, task)));
  return counts;
}

/** The same in the embedded database of a data directory: its engine must have stopped. */
export async function countInDataDirectory(folder: string, of: Evidence): Promise<Count[]> {
  const data = await openDataDirectory(folder);
  const database = await openPglite(data.pglite);
  try {
    return await countInDatabase(database.queries, of);
  } finally {
    await database.close();
    await data.release();
  }
}

/** What the database has of a task: its pull requests, issues and sessions. */
export async function recordsOf(queries: Queries, of: { mission: string; task: TaskView }) {
  const { mission, task } = of;
  const pullRequests = await queries
    .select()
    .from(forgePullRequests)
    .where(eq(forgePullRequests.branch, task.branch));
  const issues = await queries
    .select()
    .from(forgeIssues)
    .where(eq(forgeIssues.marker, `mission:${mission}/${task.id}`));
  const recorded = await queries
    .select()
    .from(sessions)
    .where(and(eq(sessions.missionId, mission), eq(sessions.taskId, task.id)));
  return { pullRequests, issues, recorded };
}

async function countTask(queries: Queries, mission: string, task: TaskView): Promise<Count[]> {
  const { pullRequests, issues, recorded } = await recordsOf(queries, { mission, task });
  const merged = pullRequests.filter(
    (row) => row.state === 'merged' && row.mergeSha === task.mergeSha && row.number === task.pullRequest,
  );
  return [
    { what: `database: pull requests of ${task.id}`, found: pullRequests.length, expected: 1 },
    { what: `database: of these, merged as the task says`, found: merged.length, expected: 1 },
    {
      what: `database: closed issues of ${task.id}`,
      found: issues.filter((issue) => issue.state === 'closed').length,
      expected: 1,
    },
    {
      what: `database: sessions of ${task.id}`,
      found: recorded.length,
      expected: task.sessions.length,
    },
  ];
}

/** Reads the histories: completed activities by name, in each task's workflow and in the lane. */
export async function countInHistory(
  of: Evidence & { address: EngineAddress; repositoryId: string },
): Promise<Count[]> {
  const { address, mission, repositoryId } = of;
  const { installation } = address;
  const connection = await Connection.connect({ address: address.temporal });
  const client = new Client({ connection, namespace: address.namespace });
  try {
    const counts: Count[] = [];
    for (const task of of.tasks) {
      const done = await completedActivities(
        client,
        taskWorkflowId({ installation, mission, task: task.id }),
      );
      const authors = task.sessions.filter((session) => session.role === 'author').length;
      counts.push(
        { what: `history: sessions of ${task.id}`, found: done.get('runSession') ?? 0, expected: authors },
        { what: `history: issues closed by ${task.id}`, found: done.get('closeIssue') ?? 0, expected: 1 },
      );
    }
    const lane = await completedActivities(
      client,
      laneWorkflowId({ installation, repositoryId, base: 'main' }),
    );
    counts.push({
      what: 'history: merges by the lane',
      found: lane.get('merge') ?? 0,
      expected: of.tasks.length,
    });
    return counts;
  } finally {
    await connection.close();
  }
}

/** How often each activity of a workflow has completed, by name. */
export async function completedActivities(client: Client, workflowId: string): Promise<Map<string, number>> {
  const { events = [] } = await client.workflow.getHandle(workflowId).fetchHistory();
  const names = new Map<string, string>();
  const counts = new Map<string, number>();
  for (const event of events ?? []) {
    if (event.eventType === EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED) {
      const name = event.activityTaskScheduledEventAttributes?.activityType?.name ?? '';
      names.set(String(event.eventId), name);
    }
    if (event.eventType === EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED) {
      const name = names.get(String(event.activityTaskCompletedEventAttributes?.scheduledEventId)) ?? '';
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return counts;
}
