import type { TaskStatus } from '../schema/contracts/gates.ts';
import type { CancelRequest, MissionInput, MissionResult, TaskResult } from '../schema/contracts/messages.ts';
import type { PlannedMilestone, PlannedTask } from '../schema/contracts/plan.ts';
import { isActive, isSatisfied } from '../schema/contracts/gates.ts';
import { initialMissionView, type MissionView, type NewEvent } from '../schema/contracts/views.ts';
import { News } from './news.ts';
import { startable } from './rules/schedule.ts';

/** Everything a mission workflow remembers. */
export class MissionState {
  readonly input: MissionInput;
  readonly view: MissionView;
  cancelled: CancelRequest | undefined;
  readonly #statuses = new Map<string, TaskStatus>();
  readonly #results: TaskResult[] = [];
  readonly #news: News;

  constructor(input: MissionInput, now: () => number) {
    this.input = input;
    this.#news = new News(now);
    this.view = initialMissionView(input.plan, 'running');
  }

  enterMilestone(milestone: PlannedMilestone): void {
    this.view.milestone = milestone.id;
    this.tell('milestone-started', `${milestone.id}: ${milestone.title}`);
  }

  /** The tasks to start now, noted as running. */
  startNext(milestone: PlannedMilestone): PlannedTask[] {
    const cap = this.input.plan.policy.parallel;
    const next = startable({ tasks: milestone.tasks, statuses: this.#statuses, cap });
    for (const task of next) this.#statuses.set(task.id, 'running');
    return next;
  }

  isIdle(): boolean {
    return ![...this.#statuses.values()].some(isActive);
  }

  taskEnded(result: TaskResult): void {
    this.#statuses.set(result.task, result.status);
    this.#results.push(result);
  }

  isComplete(milestone: PlannedMilestone): boolean {
    return milestone.tasks.every((task) => isSatisfied(this.#statuses.get(task.id) ?? 'waiting'));
  }

  end(): MissionResult {
    const complete = this.input.plan.milestones.every((milestone) => this.isComplete(milestone));
    const status = this.cancelled ? 'cancelled' : complete ? 'completed' : 'incomplete';
    this.view.status = status;
    this.view.reason = this.#reasonOf(status);
    this.tell('mission-ended', this.view.reason === null ? status : `${status}: ${this.view.reason}`);
    return { status, tasks: this.#results };
  }

  #reasonOf(status: MissionResult['status']): string | null {
    if (this.cancelled)
      return `cancelled by ${this.cancelled.by}: ${this.cancelled.reason ?? 'no reason given'}`;
    if (status === 'completed') return null;
    const open = this.input.plan.milestones
      .flatMap((milestone) => milestone.tasks)
      .map((task) => `${task.id} ${this.#statuses.get(task.id) ?? 'waiting'}`)
      .filter((line) => !/ (?:merged|no-change|skipped)$/.test(line));
    return open.join(', ');
  }

  tell(type: NewEvent['type'], message: string): void {
    this.#news.tell(type, message);
  }

  takeNews(): { seq: number; events: NewEvent[] } {
    return this.#news.take();
  }
}
