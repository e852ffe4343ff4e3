import { isActive, isSatisfied, type TaskStatus } from '../../schema/contracts/gates.ts';

interface Schedulable {
  id: string;
  dependsOn: readonly string[];
}

/** The tasks of one milestone that may start now, in the plan's order, within the cap. */
export function startable<Task extends Schedulable>(of: {
  tasks: readonly Task[];
  statuses: ReadonlyMap<string, TaskStatus>;
  cap: number;
}): Task[] {
  const active = of.tasks.filter((task) => isActive(of.statuses.get(task.id) ?? 'waiting'));
  const free = Math.max(0, of.cap - active.length);
  return of.tasks
    .filter((task) => (of.statuses.get(task.id) ?? 'waiting') === 'waiting')
    .filter((task) => task.dependsOn.every((id) => isSatisfied(of.statuses.get(id) ?? 'waiting')))
    .slice(0, free);
}
