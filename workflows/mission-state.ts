import { defaultPriority } from '../schema/contracts/mission-file.ts';
import { isActive, isOpen, isSatisfied, type TaskStatus } from '../schema/contracts/gates.ts';
import { UsedByTask, type Used } from '../schema/contracts/budget.ts';
import type {
  AmendedPolicy,
  AmendRequest,
  CancelRequest,
  MissionInput,
  MissionProgress,
  MissionResult,
  PauseRequest,
  ResumeRequest,
  TaskResult,
} from '../schema/contracts/messages.ts';
import { pausedItem, withPast } from '../schema/contracts/question.ts';
import type { Plan, PlannedMilestone, PlannedTask, PlanOutline } from '../schema/contracts/plan.ts';
import type { ToldMission, Unparsed } from '../schema/contracts/told.ts';
import {
  initialMissionView,
  type MissionView,
  type NewEvent,
  type TaskPlacement,
} from '../schema/contracts/views.ts';
import { News } from './news.ts';
import { addUsed, nothingUsed } from './rules/budget.ts';
import { amendPlan, type Amended } from './rules/amend.ts';
import { followUpOf, type FollowUp } from './rules/follow-up.ts';
import { startable } from './rules/schedule.ts';

/** Enough to know an update that is sent again after the mission went on as new. */
const updatesKept = 200;

/** Everything a mission workflow remembers. */
export class MissionState {
  readonly input: MissionInput;
  readonly view: MissionView;
  plan: Plan;
  cancelled: CancelRequest | undefined;
  /** Counts what may let something start or end: whoever waits looks again. */
  changes = 0;
  /** No task is started any more, since the next run of the workflow shall do it. */
  draining = false;
  readonly #statuses: Map<string, TaskStatus>;
  readonly #results: TaskResult[];
  readonly #used: Map<string, Used>;
  readonly #news: News;
  readonly #now: () => number;
  #updates: string[];
  #hasGrown = false;

  constructor(input: MissionInput, now: () => number) {
    const { soFar } = input;
    this.input = input;
    this.plan = input.plan;
    this.#now = now;
    this.#news = new News(now, soFar?.told);
    this.#statuses = new Map(soFar?.statuses);
    this.#results = [...(soFar?.results ?? [])];
    this.#used = new Map(soFar?.used);
    this.#updates = [...(soFar?.updates ?? [])];
    this.view = initialMissionView(input.plan, soFar?.paused ? 'paused' : 'running');
    this.view.milestone = soFar?.milestone ?? null;
    this.view.paused = soFar?.paused ?? null;
    this.view.asked = soFar?.asked ?? [];
  }

  /** The first milestone with work left; told, unless it is the one that an earlier run was in. */
  nextMilestone(): PlannedMilestone | undefined {
    const milestone = this.plan.milestones.find((one) => !this.isComplete(one));
    if (milestone && milestone.id !== this.view.milestone) {
      this.view.milestone = milestone.id;
      this.tell('milestone-started', `${milestone.id}: ${milestone.title}`);
    }
    return milestone;
  }

  /** The milestone as the plan has it now. */
  milestone(id: string): PlannedMilestone {
    const milestone = this.plan.milestones.find((one) => one.id === id);
    if (!milestone) throw new Error(`the plan has lost its milestone ${id}`);
    return milestone;
  }

  /** The tasks to start now, noted as running. */
  startNext(milestone: PlannedMilestone): PlannedTask[] {
    if (this.view.paused || this.draining) return [];
    const next = this.#startable(milestone);
    for (const task of next) this.#statuses.set(task.id, 'running');
    return next;
  }

  #startable(milestone: PlannedMilestone): PlannedTask[] {
    const cap = this.plan.policy.parallel;
    return startable({ tasks: milestone.tasks, statuses: this.#statuses, cap });
  }

  /** Nothing runs in it, and nothing would start if the mission were let go on. */
  isOver(milestone: PlannedMilestone): boolean {
    return this.isIdle() && this.#startable(milestone).length === 0;
  }

  isIdle(): boolean {
    return ![...this.#statuses.values()].some(isActive);
  }

  taskEnded(result: TaskResult): void {
    this.#statuses.set(result.task, result.status);
    this.#results.push(result);
    if (result.used) this.#used.set(result.task, result.used);
    this.changes += 1;
    const addition = followUpOf(this.plan, result);
    if (addition) this.#grow(addition, result);
  }

  /** What was put off is never lost: where it can't be a task, the mission's record has it. */
  #grow(addition: FollowUp, { task, deferred = [] }: TaskResult): void {
    const what = `what was put off in ${task} (${deferred.map(({ id }) => id).join(', ')})`;
    const fits = this.amended({ changes: [addition] }).kind === 'amended';
    if (!fits) return this.tell('ignored', `no task could be added for ${what}: ${addition.task.goal}`);
    this.amend({ by: 'engine', reason: what, changes: [addition] });
    this.#hasGrown = true;
  }

  /** Whether the plan has become another by itself since this was asked last. */
  takeGrowth(): boolean {
    const grown = this.#hasGrown;
    this.#hasGrown = false;
    return grown;
  }

  /** A task has told what it has used. */
  hearUsed(raw: unknown): void {
    const told = UsedByTask.safeParse(raw);
    if (told.success) this.#used.set(told.data.task, told.data.used);
  }

  /** What all tasks but this one have used. */
  usedByOthers(task: string): Used {
    const others = [...this.#used].filter(([id]) => id !== task);
    return others.map(([, used]) => used).reduce(addUsed, nothingUsed);
  }

  /** What its policy allows a task that runs. */
  amendedPolicyFor(task: string): AmendedPolicy {
    const { budget = null, noProgress = null, fallback = null } = this.plan.policy;
    return { budget, noProgress, fallback, usedByOthers: this.usedByOthers(task) };
  }

  /** How tasks have ended. */
  get results(): readonly TaskResult[] {
    return this.#results;
  }

  /** A deferred task does not hold its milestone up. */
  isComplete(milestone: PlannedMilestone): boolean {
    return milestone.tasks.every(
      ({ id }) => isSatisfied(this.statusOf(id)) || this.statusOf(id) === 'deferred',
    );
  }

  statusOf(task: string): TaskStatus {
    return this.#statuses.get(task) ?? 'waiting';
  }

  /** Whether this very update was taken before, maybe by an earlier run of the workflow. */
  hasTaken(updateId: string): boolean {
    return this.#updates.includes(updateId);
  }

  take(updateId: string): void {
    this.#updates = [...this.#updates, updateId].slice(-updatesKept);
  }

  pause({ by, reason: given }: PauseRequest): void {
    if (this.view.paused) return;
    const reason = given ?? null;
    this.view.paused = { by, reason, at: this.#now() };
    this.view.status = 'paused';
    this.tell('paused', reason === null ? `by ${by}` : `by ${by}: ${reason}`);
  }

  resume({ by }: ResumeRequest): void {
    if (!this.view.paused) return;
    this.#pauseAnswered('resume', by);
    this.view.paused = null;
    this.view.status = 'running';
    this.changes += 1;
    this.tell('resumed', `by ${by}`);
  }

  cancel(request: CancelRequest): void {
    if (!this.cancelled) this.#pauseAnswered('cancel', request.by);
    this.cancelled = request;
    this.tell('cancelling', `by ${request.by}: ${request.reason ?? 'no reason given'}`);
  }

  /** A pause of the engine's own stands in the inbox; whoever answers it after this is told. */
  #pauseAnswered(option: 'resume' | 'cancel', by: string): void {
    const { paused, asked } = this.view;
    if (paused?.by !== 'engine') return;
    const answer = { option, by, expired: false };
    const past = { id: pausedItem(paused.at), title: paused.reason ?? '', answer, at: this.#now() };
    this.view.asked = withPast(asked, past);
  }

  /** Why a change of course comes too late. */
  tooLate(): string | undefined {
    if (this.cancelled) return `the mission is being cancelled by ${this.cancelled.by}`;
    const { status } = this.view;
    return isOpen(status) ? undefined : `the mission is ${status}`;
  }

  /** What an amendment would make of the plan. */
  amended({ changes }: Pick<AmendRequest, 'changes'>): Amended {
    const { plan, view } = this;
    return amendPlan({ plan, statuses: this.#statuses, milestone: view.milestone, changes });
  }

  amend(request: AmendRequest): void {
    const amended = this.amended(request);
    if (amended.kind === 'refused') throw new Error('an amendment that was let in does not fit any more');
    this.plan = amended.plan;
    for (const [task, status] of amended.statuses) this.#statuses.set(task, status);
    this.changes += 1;
    const what = request.changes.map(describeChange).join(', ');
    this.tell('amended', `${what}, by ${request.by}: ${request.reason}`);
  }

  outline(): PlanOutline {
    const { milestones, policy } = this.plan;
    return {
      milestones: milestones.map(({ id, tasks }) => ({
        id,
        tasks: tasks.filter((task) => this.statusOf(task.id) !== 'deferred').map((task) => task.id),
        deferred: tasks.filter((task) => this.statusOf(task.id) === 'deferred').map((task) => task.id),
      })),
      parallel: policy.parallel,
      priority: policy.priority ?? defaultPriority,
    };
  }

  /** Where each task stands in the plan, for the read model. */
  placements(): TaskPlacement[] {
    return this.plan.milestones.flatMap((milestone) =>
      milestone.tasks.map(({ id, title }) => ({
        id,
        title,
        milestone: milestone.id,
        status: this.statusOf(id) === 'deferred' ? 'deferred' : 'waiting',
      })),
    );
  }

  end(): MissionResult {
    const complete = this.plan.milestones.every((milestone) => this.isComplete(milestone));
    const status = this.cancelled ? 'cancelled' : complete ? 'completed' : 'incomplete';
    this.view.status = status;
    this.view.reason = this.#reasonOf(status);
    this.tell('mission-ended', this.view.reason === null ? status : `${status}: ${this.view.reason}`);
    return { status, tasks: this.#results };
  }

  #reasonOf(status: MissionResult['status']): string | null {
    if (this.cancelled)
      return `cancelled by ${this.cancelled.by}: ${this.cancelled.reason ?? 'no reason given'}`;
    const tasks = this.plan.milestones.flatMap((milestone) => milestone.tasks);
    const open = tasks.filter(({ id }) => !isSatisfied(this.statusOf(id)));
    if (open.length === 0) return null;
    const which = open.map(({ id }) => `${id} ${this.statusOf(id)}`).join(', ');
    return status === 'completed' ? `without ${which}` : which;
  }

  /** What the next run of the workflow goes on with. Nothing runs at that moment. */
  carryOver(): MissionInput {
    const { input, plan, view } = this;
    const soFar: MissionProgress = {
      statuses: [...this.#statuses],
      results: this.#results,
      milestone: view.milestone,
      paused: view.paused,
      ...(view.asked.length === 0 ? {} : { asked: view.asked }),
      told: this.#news.taken,
      updates: this.#updates,
      ...(this.#used.size === 0 ? {} : { used: [...this.#used] }),
    };
    return { ...input, plan, soFar };
  }

  tell(type: NewEvent['type'], message: string): void {
    this.#news.tell(type, message);
  }

  takeNews(): { seq: number; events: NewEvent[] } {
    return this.#news.take(this.view);
  }

  /** All that the read model has been told by this run. */
  told(): Unparsed<ToldMission> {
    const { plan } = this;
    const { engine, origin = null } = this.input;
    const { tenant, host } = engine;
    const now = { tasks: this.placements(), results: this.#results };
    return { tenant, host, mission: plan.mission, plan, origin, ...now, ...this.#news.told };
  }
}

function describeChange(change: AmendRequest['changes'][number]): string {
  switch (change.change) {
    case 'add':
      return `${change.task.id} added to ${change.milestone}`;
    case 'move':
      return `${change.task} moved to ${change.milestone}`;
    case 'defer':
      return `${change.task} deferred`;
    case 'edit':
      return `${change.task} changed (${Object.keys(change.set).join(', ')})`;
    case 'policy': {
      const { parallel, priority, budget, noProgress, fallback } = change;
      return Object.entries({ parallel, priority, budget, noProgress, fallback })
        .flatMap(([name, value]) => (value === undefined ? [] : [describeSetting(name, value)]))
        .join(', ');
    }
  }
}

function describeSetting(name: string, value: unknown): string {
  return value === null ? `no ${name}` : `${name} ${JSON.stringify(value)}`;
}
