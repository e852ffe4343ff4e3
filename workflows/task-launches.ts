import {
  getExternalWorkflowHandle,
  TemporalFailure,
  isCancellation,
  workflowInfo,
} from '@temporalio/workflow';
import type { UsedByTask } from '../schema/contracts/budget.ts';
import { signals } from '../schema/contracts/messages.ts';
import type { Program } from '../schema/contracts/plan.ts';
import type { SessionSummary } from '../schema/contracts/session.ts';
import { chooseProgram } from './rules/choose-program.ts';
import { pauseAfterModelError, quotaOpensAt } from './rules/model-fault.ts';
import type { TaskState } from './task-state.ts';
import type { TaskSteps } from './task-steps.ts';

/** What stands between one author session and the next: what is used up, and what is closed. */
export class TaskLaunches {
  readonly #task: TaskState;
  readonly #steps: TaskSteps;
  /** Runtimes that were rate-limited, and when their windows open. */
  readonly #closed = new Map<string, number>();

  constructor(of: { task: TaskState; steps: TaskSteps }) {
    this.#task = of.task;
    this.#steps = of.steps;
  }

  /** Waits until another session may be launched. Answers what it is to run. */
  async untilNext(): Promise<Program> {
    const { program } = this.#task.input.task;
    const { fallback = [] } = this.#task.input.policy;
    for (;;) {
      await this.#untilAllowed();
      const choice = chooseProgram({ program, fallback, closed: this.#closed, now: Date.now() });
      if (choice.kind === 'open') return choice.program;
      const { host } = this.#task.input.engine;
      await this.#steps.waitUntil(choice.until, `the quota of ${choice.runtime} on ${host}`);
    }
  }

  async #untilAllowed(): Promise<void> {
    const task = this.#task;
    while (!task.mayLaunch())
      await this.#steps.park(`all ${task.authorLaunches} sessions of the task are used up`);
    const stuck = task.stuck();
    if (stuck !== undefined) await this.#steps.park(stuck);
    for (let used = task.budget.usedUp(); used !== undefined; used = task.budget.usedUp()) {
      await this.#steps.park(used);
      task.budget.allowAgain();
    }
  }

  /** Notes a session, and tells the mission what it has used where a budget is shared. */
  async ended(session: SessionSummary): Promise<void> {
    const task = this.#task;
    task.sessionEnded(session);
    const { parent } = workflowInfo();
    if (!task.budget.isShared || !parent) return;
    const told: UsedByTask = { task: task.place.task, used: task.budget.used };
    try {
      await getExternalWorkflowHandle(parent.workflowId).signal(signals.used, told);
    } catch (error) {
      // A mission that is gone has no budget to keep any more.
      if (isCancellation(error) || !(error instanceof TemporalFailure)) throw error;
    }
  }

  /** True: the session has failed for nothing that it did. */
  async waitForModel({ runtime, host, agent }: SessionSummary): Promise<boolean> {
    const task = this.#task;
    switch (agent?.outcome) {
      case 'auth':
        await this.#steps.park(`${runtime} is not logged in on ${host}: ${agent.message}`);
        return true;
      // A person is asked before the next launch.
      case 'over-budget':
        return true;
      case 'rate-limited':
        task.giveBackLaunch();
        this.#closed.set(runtime, quotaOpensAt({ report: agent, now: Date.now() }));
        return true;
      case 'model-error': {
        const times = task.view.sessions.filter((session) => session.agent?.outcome === 'model-error').length;
        await this.#steps.waitUntil(
          Date.now() + pauseAfterModelError(times),
          `the model of ${runtime}: ${agent.message}`,
        );
        return false;
      }
      default:
        return false;
    }
  }
}
