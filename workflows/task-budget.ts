import { Used, type Budget } from '../schema/contracts/budget.ts';
import type { TaskInput } from '../schema/contracts/messages.ts';
import type { SessionSummary } from '../schema/contracts/session.ts';
import {
  addUsed,
  leftOf,
  lessUsed,
  nothingUsed,
  usedBySessions,
  usedUp,
  type Account,
} from './rules/budget.ts';

/** What a task may still use: of its own budget, and of its mission's, from which other tasks take too. */
export class TaskBudget {
  readonly #own: Budget | undefined;
  #ofMission: Budget | undefined;
  readonly #sessions: readonly SessionSummary[];
  #others: Used;
  /** What had been used when a person last allowed as much again. */
  #forgiven = { task: nothingUsed, mission: nothingUsed };

  constructor(input: TaskInput, sessions: readonly SessionSummary[]) {
    this.#own = input.task.budget;
    this.#ofMission = input.policy.budget;
    this.#others = input.usedByOthers ?? nothingUsed;
    this.#sessions = sessions;
  }

  /** Whether the mission has to know what this task uses. */
  get isShared(): boolean {
    return this.#ofMission !== undefined;
  }

  get used(): Used {
    return usedBySessions(this.#sessions);
  }

  /** Why that may not be launched any more. */
  usedUp(of: { next: 'author' | 'review' }): string | undefined {
    return usedUp(this.#accounts(), of);
  }

  /** The time that the next session has, and what it is ended at. */
  ofNextSession(of: { timeoutSeconds: number }): {
    timeoutSeconds: number;
    limits?: { tokens?: number; costUsd?: number };
  } {
    const { minutes, tokens, costUsd } = leftOf(this.#accounts());
    const seconds = minutes === undefined ? of.timeoutSeconds : Math.max(1, Math.ceil(minutes * 60));
    const timeoutSeconds = Math.min(of.timeoutSeconds, seconds);
    if (tokens === undefined && costUsd === undefined) return { timeoutSeconds };
    return {
      timeoutSeconds,
      limits: {
        ...(tokens === undefined ? {} : { tokens }),
        ...(costUsd === undefined ? {} : { costUsd }),
      },
    };
  }

  /** A person has seen that it is used up, and lets the task use as much once more. */
  allowAgain(): void {
    const { used } = this;
    this.#forgiven = { task: used, mission: addUsed(used, this.#others) };
  }

  /** What the other tasks of the mission have used. */
  hearOthers(raw: unknown): void {
    const used = Used.safeParse(raw);
    if (used.success) this.#others = used.data;
  }

  /** The mission has another budget now, or none. */
  amended(of: { budget: Budget | null; usedByOthers: Used }): void {
    this.#ofMission = of.budget ?? undefined;
    this.#others = of.usedByOthers;
  }

  #accounts(): Account[] {
    const { used } = this;
    return [
      { whose: 'task', budget: this.#own, used: lessUsed(used, this.#forgiven.task) },
      {
        whose: 'mission',
        budget: this.#ofMission,
        used: lessUsed(addUsed(used, this.#others), this.#forgiven.mission),
      },
    ];
  }
}
