import { z } from 'zod';
import type { MissionFile, MissionFileTask, Policy } from './mission-file.ts';
import type { MissionKey } from './names.ts';

/** A repository as the engine knows it: one id for each canonical host and path. */
export const PlannedRepository = z.object({
  id: z.string(),
  forge: z.enum(['local']),
  address: z.string(),
  base: z.string(),
});
export type PlannedRepository = z.infer<typeof PlannedRepository>;

/** The program a session runs, frozen at the door: later changes of the file do not reach a running mission. */
export type Program = { runtime: 'script'; text: string } | { runtime: 'command'; command: string };

export type PlannedTask = Pick<
  MissionFileTask,
  'id' | 'title' | 'goal' | 'acceptance' | 'checks' | 'dependsOn'
> & { program: Program };

export interface PlannedMilestone {
  id: string;
  title: string;
  tasks: PlannedTask[];
}

/** A mission file after the door: checked, resolved and complete. It is the input of `missionWorkflow`. */
export interface Plan {
  mission: MissionKey;
  title: string;
  repository: PlannedRepository;
  policy: Policy;
  milestones: PlannedMilestone[];
}

/** Turns a checked file into a plan. `scripts` holds the text of each script by its path in the file. */
export function toPlan(of: {
  mission: MissionKey;
  file: MissionFile;
  repository: PlannedRepository;
  scripts: ReadonlyMap<string, string>;
}): Plan {
  return {
    mission: of.mission,
    title: of.file.title,
    repository: of.repository,
    policy: of.file.policy,
    milestones: of.file.milestones.map((milestone) => ({
      id: milestone.id,
      title: milestone.title,
      tasks: milestone.tasks.map((task) => toPlannedTask(task, of.scripts)),
    })),
  };
}

function toPlannedTask(task: MissionFileTask, scripts: ReadonlyMap<string, string>): PlannedTask {
  const { id, title, goal, acceptance, checks, dependsOn } = task;
  return { id, title, goal, acceptance, checks, dependsOn, program: toProgram(task, scripts) };
}

function toProgram(task: MissionFileTask, scripts: ReadonlyMap<string, string>): Program {
  if (task.runtime === 'command') return { runtime: 'command', command: task.command };
  const text = scripts.get(task.script);
  if (text === undefined) throw new Error(`the text of ${task.script} was not read`);
  return { runtime: 'script', text };
}
