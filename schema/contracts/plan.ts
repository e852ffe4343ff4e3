import { z } from 'zod';
import {
  AgentChoice,
  agentRuntimes,
  chooseAgent,
  isAgent,
  type AgentRuntime,
  type ChosenAgent,
} from './agent.ts';
import { forges, type MissionFile, type MissionFileTask, type Policy, type Release } from './mission-file.ts';
import type { PlanChange } from './amendment.ts';
import { Name, type MissionKey } from './names.ts';

/** A repository as the engine knows it: one id for each canonical host and path. */
export const PlannedRepository = z.object({
  id: z.string(),
  forge: z.enum(forges),
  address: z.string(),
  base: z.string(),
});
export type PlannedRepository = z.infer<typeof PlannedRepository>;

type OwnProgram = { runtime: 'script'; text: string } | { runtime: 'command'; command: string };

/** The program a session runs, frozen at the door: later changes of the file do not reach a running mission. */
export type Program = OwnProgram | ChosenAgent;

/** Of an agent, a task has what it says itself; the rest comes from its milestone and mission when it starts. */
export type PlannedProgram = OwnProgram | AgentChoice;

export type PlannedTask = Pick<
  MissionFileTask,
  | 'id'
  | 'title'
  | 'goal'
  | 'acceptance'
  | 'constraints'
  | 'ruledOut'
  | 'pointers'
  | 'paths'
  | 'checks'
  | 'dependsOn'
  | 'budget'
  | 'labels'
> & { program: PlannedProgram };

/** A task with the program that it will run. */
export type StartedTask = Omit<PlannedTask, 'program'> & {
  program: Program;
  /** Of its labels those that call a reviewer, and ask nothing of hosts. */
  reviewLabels?: string[];
};

export interface PlannedMilestone {
  id: string;
  title: string;
  agent?: AgentChoice;
  labels?: string[] | undefined;
  /** See `Milestone` of the mission file. */
  verify?: string[] | undefined;
  release?: Release | undefined;
  tasks: PlannedTask[];
}

/** A plan travels as the input of one workflow, where a payload of 2 MB is the server's limit. */
export const maxPlanCharacters = 1024 * 1024;

/** A change of the plan after the door; see `PlanChange`. */
export type PlannedChange =
  | { change: 'add'; milestone: string; task: PlannedTask; before?: string | undefined }
  | Extract<PlanChange, { change: 'move' | 'defer' | 'policy' }>
  | { change: 'edit'; task: string; set: TaskEdit };

/** What of a task becomes something else. */
export type TaskEdit = { [Field in Exclude<keyof PlannedTask, 'id'>]?: PlannedTask[Field] | undefined };

/** Whose models read a mission's changes, and what the operator has told of those that write them. */
export interface Families {
  /** Of the reviewers that read every change. */
  reviewers: string[];
  /** By runtime, or by runtime and model with a blank between. */
  told: Record<string, string>;
  /** Of the engine that decides disputes. */
  disputes?: string;
}

/** A reviewer that is an agent, and takes a seat in an account. */
export interface ReviewAgent {
  engine: string;
  program: ChosenAgent;
}

/** A mission file after the door: checked, resolved and complete. It is the input of `missionWorkflow`. */
export interface Plan {
  mission: MissionKey;
  title: string;
  repository: PlannedRepository;
  policy: Policy;
  /** Who works where milestone and task say nothing else. Version 0.2 and older know no agents. */
  agent?: ChosenAgent;
  /** What hosts must have where milestone and task say nothing else. */
  labels?: string[] | undefined;
  /** Missing from plans of version 0.3 and older. */
  families?: Families;
  /** Missing from plans of version 0.4 and older: their reviewers take no seats. */
  reviewAgents?: ReviewAgent[];
  milestones: PlannedMilestone[];
}

/** Which tasks a plan has, in the order in which they may start. */
export const PlanOutline = z.object({
  milestones: z.array(z.object({ id: Name, tasks: z.array(Name), deferred: z.array(Name) })),
  parallel: z.number(),
  priority: z.number(),
});
export type PlanOutline = z.infer<typeof PlanOutline>;

/** Turns a checked file into a plan. `scripts` holds the text of each script by its path in the file. */
export function toPlan(of: {
  mission: MissionKey;
  file: MissionFile;
  repository: PlannedRepository;
  scripts: ReadonlyMap<string, string>;
  /** The runtime where the file names none; without it, the first of all. */
  defaultRuntime?: AgentRuntime;
  families?: Families;
  reviewAgents?: ReviewAgent[];
}): Plan {
  return {
    mission: of.mission,
    title: of.file.title,
    repository: of.repository,
    policy: of.file.policy,
    agent: chooseAgent({ runtime: of.defaultRuntime ?? agentRuntimes[0] }, AgentChoice.parse(of.file)),
    labels: of.file.labels,
    ...(of.families ? { families: of.families } : {}),
    ...(of.reviewAgents ? { reviewAgents: of.reviewAgents } : {}),
    milestones: of.file.milestones.map((milestone) => ({
      id: milestone.id,
      title: milestone.title,
      agent: AgentChoice.parse(milestone),
      labels: milestone.labels,
      verify: milestone.verify,
      release: milestone.release,
      tasks: milestone.tasks.map((task) => toPlannedTask(task, of.scripts)),
    })),
  };
}

/** `scripts` holds the text of each script by its path in the change. */
export function toPlannedChange(change: PlanChange, scripts: ReadonlyMap<string, string>): PlannedChange {
  if (change.change === 'add') return { ...change, task: toPlannedTask(change.task, scripts) };
  if (change.change !== 'edit') return change;
  const { script, command, runtime, agent, model, effort, ...set } = change.set;
  if (command !== undefined) return { ...change, set: { ...set, program: { runtime: 'command', command } } };
  if (script !== undefined) {
    return { ...change, set: { ...set, program: { runtime: 'script', text: textOf(script, scripts) } } };
  }
  const choice = [runtime, agent, model, effort];
  if (choice.every((part) => part === undefined)) return { ...change, set };
  return { ...change, set: { ...set, program: AgentChoice.parse(change.set) } };
}

/** The task as it starts: what it does not say of agent and labels is said by its milestone, or by the mission. */
export function toStartedTask(of: {
  plan: Plan;
  milestone: PlannedMilestone;
  task: PlannedTask;
}): StartedTask {
  const { program, labels = of.milestone.labels ?? of.plan.labels ?? [], ...rest } = of.task;
  const calling = new Set(of.plan.policy.reviewers.flatMap((reviewer) => reviewer.labels ?? []));
  const reviewLabels = labels.filter((label) => calling.has(label));
  const ofHosts = labels.filter((label) => !calling.has(label));
  const task = {
    ...rest,
    ...(ofHosts.length > 0 ? { labels: ofHosts } : {}),
    ...(reviewLabels.length > 0 ? { reviewLabels } : {}),
  };
  return { ...task, program: startedProgram({ ...of, program }) };
}

/** The program that a task runs: what it does not say of its agent is said by its milestone, or by the mission. */
export function startedProgram(of: {
  plan: Pick<Plan, 'agent'>;
  milestone: Pick<PlannedMilestone, 'agent'> | undefined;
  program: PlannedProgram;
}): Program {
  const { plan, milestone, program } = of;
  if (!isAgent(program)) return program;
  return chooseAgent(plan.agent ?? { runtime: agentRuntimes[0] }, milestone?.agent ?? {}, program);
}

function toPlannedTask(task: MissionFileTask, scripts: ReadonlyMap<string, string>): PlannedTask {
  const { id, title, goal, acceptance, constraints, ruledOut, pointers, paths, checks, dependsOn } = task;
  const { budget, labels } = task;
  const brief = { title, goal, acceptance, constraints, ruledOut, pointers, paths };
  return { id, ...brief, checks, dependsOn, budget, labels, program: toProgram(task, scripts) };
}

function toProgram(task: MissionFileTask, scripts: ReadonlyMap<string, string>): PlannedProgram {
  switch (task.runtime) {
    case 'command':
      return { runtime: 'command', command: task.command };
    case 'script':
      return { runtime: 'script', text: textOf(task.script, scripts) };
    default:
      return AgentChoice.parse(task);
  }
}

function textOf(script: string, scripts: ReadonlyMap<string, string>): string {
  const text = scripts.get(script);
  if (text === undefined) throw new Error(`the text of ${script} was not read`);
  return text;
}
