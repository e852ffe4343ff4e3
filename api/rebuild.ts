/** Rebuilds the read model from Temporal: every workflow that is still there is asked what it has told. */
import type { z } from 'zod';
import { queries, workflowTypes } from '../schema/contracts/messages.ts';
import { missionOfWorkflow, missionWorkflowId } from '../schema/contracts/names.ts';
import type { RebuildStep } from '../schema/contracts/rebuild.ts';
import { ToldMission, ToldTask } from '../schema/contracts/told.ts';
import { restoreRows, restoreTold } from '../schema/db/restore.ts';
import type { ApiDeps } from './deps.ts';

interface Run {
  workflowId: string;
  runId: string;
  startTime: Date;
}

/** The runs of a mission and of its tasks, oldest first. */
export interface MissionRuns {
  mission: string;
  own: Run[];
  tasks: Run[];
}

/** The missions that Temporal still has, one of them if it is named. */
export async function findMissions(
  { client, engine }: ApiDeps,
  of: { mission: string | undefined },
): Promise<MissionRuns[]> {
  const { installation } = engine;
  // Keys have no quotes. The prefix finds other missions too, whose keys are longer.
  const prefix = missionWorkflowId({ installation, mission: of.mission ?? '' });
  const types = `'${workflowTypes.mission}', '${workflowTypes.task}'`;
  const query = `WorkflowType IN (${types}) AND WorkflowId STARTS_WITH '${prefix}'`;
  const missions = new Map<string, MissionRuns>();
  for await (const { workflowId, runId, startTime } of client.workflow.list({ query })) {
    const { mission, task } = missionOfWorkflow(workflowId);
    if (mission === undefined || (of.mission !== undefined && mission !== of.mission)) continue;
    const runs = missions.get(mission) ?? { mission, own: [], tasks: [] };
    missions.set(mission, runs);
    (task === undefined ? runs.own : runs.tasks).push({ workflowId, runId, startTime });
  }
  for (const { own, tasks } of missions.values()) for (const runs of [own, tasks]) runs.sort(byStart);
  // Without a workflow of its own a mission is over and was recorded; some of its tasks are only forgotten later.
  return [...missions.values()]
    .filter(({ own }) => own.length > 0)
    .sort((a, b) => byStart(a.own[0], b.own[0]));
}

function byStart(a: Run | undefined, b: Run | undefined): number {
  return (a?.startTime.getTime() ?? 0) - (b?.startTime.getTime() ?? 0);
}

/**
 * One mission after another, and one query after another: a closed workflow is replayed for its answer, and running
 * missions need the same workers. A mission that can't be rebuilt is told, and the next one is taken.
 */
export async function* rebuild(
  deps: ApiDeps,
  of: { tenant: string; missions: MissionRuns[] },
): AsyncGenerator<RebuildStep> {
  const sum = { missions: 0, failed: 0, rows: 0, events: 0 };
  for (const [index, runs] of of.missions.entries()) {
    const place = { mission: runs.mission, done: index + 1, of: of.missions.length };
    try {
      const { rows, events } = await rebuildMission(deps, { tenant: of.tenant, runs });
      sum.missions += 1;
      sum.rows += rows;
      sum.events += events;
      yield { kind: 'rebuilt', ...place, rows, events };
    } catch (error) {
      deps.log(error);
      sum.failed += 1;
      yield { kind: 'failed', ...place, reason: error instanceof Error ? error.message : String(error) };
    }
  }
  yield { kind: 'end', ...sum };
}

async function rebuildMission(
  deps: ApiDeps,
  { tenant, runs }: { tenant: string; runs: MissionRuns },
): Promise<{ rows: number; events: number }> {
  const [first] = runs.own;
  if (!first) return { rows: 0, events: 0 };
  const known = await askAll(deps, runs.own, ToldMission);
  if (known.some((told) => told.tenant !== tenant)) throw new Error(`${runs.mission} is another tenant's`);
  await restoreRows(deps.queries, { missionRuns: known, startedAt: first.startTime });
  const missionRuns = await askAll(deps, runs.own, ToldMission);
  const taskRuns = await askAll(deps, runs.tasks, ToldTask);
  return restoreTold(deps.queries, { tenant, mission: runs.mission, missionRuns, taskRuns });
}

async function askAll<Told>(deps: ApiDeps, runs: Run[], answer: z.ZodType<Told>): Promise<Told[]> {
  const told = [];
  for (const { workflowId, runId } of runs) {
    told.push(answer.parse(await deps.client.workflow.getHandle(workflowId, runId).query(queries.told)));
  }
  return told;
}
