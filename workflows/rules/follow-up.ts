import type { TaskResult } from '../../schema/contracts/messages.ts';
import type { Plan, PlannedChange, PlannedTask } from '../../schema/contracts/plan.ts';
import { placeOf, type KnownFinding } from '../../schema/contracts/review.ts';

const longestName = 63;
const longestTitle = 200;
const longestGoal = 20_000;

export type FollowUp = Extract<PlannedChange, { change: 'add' }>;

/** The task for what another was merged without, by decision. It waits for nothing: what it is about is on the base. */
export function followUpOf(plan: Plan, result: TaskResult): FollowUp | undefined {
  const { deferred = [], task: id } = result;
  if (deferred.length === 0) return undefined;
  const milestone = plan.milestones.find(({ tasks }) => tasks.some((task) => task.id === id));
  const task = milestone?.tasks.find((one) => one.id === id);
  if (!milestone || !task) return undefined;
  return { change: 'add', milestone: milestone.id, task: followUp(plan, task, deferred) };
}

function followUp(plan: Plan, task: PlannedTask, deferred: readonly KnownFinding[]): PlannedTask {
  const title = `What was put off in ${task.id}: ${task.title}`.slice(0, longestTitle);
  const goal = [
    `${task.id} was merged without what follows, by decision. Mend it now. The goal of ${task.id} was:`,
    ...task.goal
      .slice(0, longestGoal / 4)
      .split('\n')
      .map((line) => `> ${line}`),
    ...deferred.map(describe),
  ];
  return {
    ...task,
    id: freeName(plan, followUpName(task.id)),
    title,
    goal: goal.join('\n').slice(0, longestGoal),
    acceptance: deferred.map(({ id, message }) => `${id} is mended: ${message}`.slice(0, 500)).slice(0, 50),
    dependsOn: [],
  };
}

function describe(finding: KnownFinding): string {
  const { id, engine, severity, category, message, history } = finding;
  const by = history.findLast(({ what }) => what === 'deferred')?.by ?? '';
  return `- ${id}: ${severity} (${category})${placeOf(finding)}: ${message} (found by ${engine}, put off by ${by})`;
}

/** What is put off a second time, in the follow-up itself, is the next of the same task. */
function followUpName(id: string): string {
  return `${id.replace(/-QA(?:-\d+)?$/, '')}-QA`;
}

/** Numbered where there is one already. */
function freeName(plan: Plan, name: string): string {
  const taken = new Set(plan.milestones.flatMap(({ tasks }) => tasks.map(({ id }) => id)));
  for (let count = 1; ; count++) {
    const end = count === 1 ? '' : `-${count}`;
    const free = `${name.slice(0, longestName - end.length)}${end}`;
    if (!taken.has(free)) return free;
  }
}
