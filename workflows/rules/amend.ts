import { graphFaults, type Policy } from '../../schema/contracts/mission-file.ts';
import { isEnded, type TaskStatus } from '../../schema/contracts/gates.ts';
import type { AmendmentFaults } from '../../schema/contracts/amendment.ts';
import {
  maxPlanCharacters,
  type Plan,
  type PlannedChange,
  type PlannedMilestone,
  type PlannedTask,
} from '../../schema/contracts/plan.ts';

import { familyFaults } from './families.ts';

type Statuses = ReadonlyMap<string, TaskStatus>;

/** The plan with all of the changes, or why none of them is made. `statuses` are those that have become others. */
export type Amended =
  | { kind: 'amended'; plan: Plan; statuses: Map<string, 'waiting' | 'deferred'> }
  | ({ kind: 'refused' } & AmendmentFaults);

/** Thrown within this file only: one change does not fit. */
class Misfit extends Error {}

/** What is being made of a plan; the plan itself stays as it is. */
interface Draft {
  plan: Plan;
  statuses: Map<string, 'waiting' | 'deferred'>;
}

/**
 * Changes what has not started: milestones that are over, tasks that run and tasks that have ended are history.
 * `milestone` is the one that is being worked on.
 */
export function amendPlan(of: {
  plan: Plan;
  statuses: Statuses;
  milestone: string | null;
  changes: readonly PlannedChange[];
}): Amended {
  const { plan } = of;
  const draft: Draft = {
    plan: { ...plan, milestones: plan.milestones.map((one) => ({ ...one, tasks: [...one.tasks] })) },
    statuses: new Map(),
  };
  const faults: AmendmentFaults['faults'] = [];
  for (const [index, change] of of.changes.entries()) {
    try {
      apply(change, draft, of);
    } catch (error) {
      if (!(error instanceof Misfit)) throw error;
      faults.push({ path: `changes.${index}`, message: error.message });
    }
  }
  if (faults.length === 0) faults.push(...faultsOf(draft, of.statuses));
  return faults.length > 0 ? { kind: 'refused', faults } : { kind: 'amended', ...draft };
}

function apply(
  change: PlannedChange,
  draft: Draft,
  of: { statuses: Statuses; milestone: string | null },
): void {
  switch (change.change) {
    case 'add': {
      if (findTask(draft, change.task.id)) throw new Misfit(`the plan has a task ${change.task.id} already`);
      place(change.task, openMilestone(draft, change.milestone, of.milestone), change.before);
      draft.statuses.set(change.task.id, 'waiting');
      return;
    }
    case 'move': {
      const { task, milestone } = unstarted(draft, change.task, of.statuses);
      const target = openMilestone(draft, change.milestone, of.milestone);
      milestone.tasks.splice(milestone.tasks.indexOf(task), 1);
      place(task, target, change.before);
      draft.statuses.set(task.id, 'waiting');
      return;
    }
    case 'defer': {
      const { task } = unstarted(draft, change.task, of.statuses);
      draft.statuses.set(task.id, 'deferred');
      return;
    }
    case 'edit': {
      const { task, milestone } = unstarted(draft, change.task, of.statuses);
      milestone.tasks[milestone.tasks.indexOf(task)] = edited(task, change.set);
      return;
    }
    case 'policy': {
      draft.plan.policy = withPolicy(draft.plan.policy, change);
    }
  }
}

/** Null takes a limit away. */
function withPolicy(
  policy: Policy,
  { parallel, priority, budget, noProgress, fallback }: Extract<PlannedChange, { change: 'policy' }>,
): Policy {
  const given = Object.entries({ parallel, priority, budget, noProgress, fallback }).filter(
    ([, value]) => value !== undefined,
  );
  const set = Object.fromEntries(given.map(([name, value]) => [name, value ?? undefined]));
  return { ...policy, ...set };
}

function edited(task: PlannedTask, set: Extract<PlannedChange, { change: 'edit' }>['set']): PlannedTask {
  const given = Object.entries(set).filter(([, value]) => value !== undefined);
  return { ...task, ...Object.fromEntries(given) };
}

function findTask(draft: Draft, id: string): { task: PlannedTask; milestone: PlannedMilestone } | undefined {
  for (const milestone of draft.plan.milestones) {
    const task = milestone.tasks.find((one) => one.id === id);
    if (task) return { task, milestone };
  }
  return undefined;
}

function unstarted(
  draft: Draft,
  id: string,
  statuses: Statuses,
): { task: PlannedTask; milestone: PlannedMilestone } {
  const found = findTask(draft, id);
  if (!found) throw new Misfit(`the plan has no task ${id}`);
  if (mayStart(id, statuses)) return found;
  throw new Misfit(`${id} is ${statuses.get(id) ?? ''}: only what has not started can be changed`);
}

function openMilestone(draft: Draft, id: string, current: string | null): PlannedMilestone {
  const index = draft.plan.milestones.findIndex((milestone) => milestone.id === id);
  const milestone = draft.plan.milestones[index];
  if (!milestone) throw new Misfit(`the plan has no milestone ${id}`);
  if (index >= draft.plan.milestones.findIndex((one) => one.id === current)) return milestone;
  throw new Misfit(`the milestone ${id} is over`);
}

function place(task: PlannedTask, milestone: PlannedMilestone, before: string | undefined): void {
  const index = milestone.tasks.findIndex((one) => one.id === before);
  if (before !== undefined && index < 0) {
    throw new Misfit(`the milestone ${milestone.id} has no task ${before}`);
  }
  milestone.tasks.splice(index < 0 ? milestone.tasks.length : index, 0, task);
}

/** What can only be judged when all changes are made. */
function faultsOf(draft: Draft, statuses: Statuses): AmendmentFaults['faults'] {
  const graph = graphFaults(draft.plan.milestones).map(({ path, message }) => ({
    path: path.join('.'),
    message,
  }));
  const { length } = JSON.stringify(draft.plan);
  const size =
    length <= maxPlanCharacters
      ? []
      : [
          {
            path: 'changes',
            message: `the plan would have ${length} characters; ${maxPlanCharacters} are the most`,
          },
        ];
  const families = familyFaults(draft.plan)
    .filter(({ milestone, task }) => {
      // An amended fallback is heard by the tasks that run, too.
      const id = draft.plan.milestones[milestone]?.tasks[task]?.id ?? '';
      return !isEnded(statuses.get(id) ?? 'waiting');
    })
    .map(({ milestone, task, message }) => ({ path: `milestones.${milestone}.tasks.${task}`, message }));
  return [...graph, ...deferredFaults(draft, statuses), ...families, ...size];
}

function mayStart(id: string, statuses: Statuses): boolean {
  const status = statuses.get(id) ?? 'waiting';
  return status === 'waiting' || status === 'deferred';
}

/** Nobody may wait for a task that is left out. */
function deferredFaults(draft: Draft, statuses: Statuses): AmendmentFaults['faults'] {
  function isDeferred(id: string): boolean {
    return (draft.statuses.get(id) ?? statuses.get(id)) === 'deferred';
  }
  return draft.plan.milestones
    .flatMap(({ tasks }) => tasks)
    .filter(({ id }) => !isDeferred(id))
    .flatMap(({ id, dependsOn }) =>
      dependsOn.filter(isDeferred).map((dependency) => ({
        path: `tasks.${id}.dependsOn`,
        message: `${id} waits on ${dependency}, which is deferred`,
      })),
    );
}
