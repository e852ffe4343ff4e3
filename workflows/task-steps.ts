import { ActivityFailure, condition, isCancellation, sleep } from '@temporalio/workflow';
import type { Gate, Waiting } from '../schema/contracts/gates.ts';
import type { EscalationKind } from '../schema/contracts/question.ts';
import { callToItsEnd, record } from './proxies.ts';
import { describeFailure } from './rules/describe-failure.ts';
import { escalationOf } from './rules/escalation.ts';
import { pauseBeforeReminder } from './rules/questions.ts';
import { overBudget, type Rejection } from './rules/remediation.ts';
import type { TaskState } from './task-state.ts';
import { TaskDisplay } from './visibility.ts';

/** A person has decided that the task ends here. */
export class GivenUp extends Error {
  readonly status: 'skipped' | 'abandoned';
  constructor(status: 'skipped' | 'abandoned', reason: string) {
    super(reason);
    this.status = status;
  }
}

/** How a task takes a step, waits, is sent back, and parks: the same at every gate. */
export class TaskSteps {
  readonly #task: TaskState;
  readonly #display = new TaskDisplay();
  #untilGoOn: Promise<void> | undefined;

  constructor(task: TaskState) {
    this.#task = task;
  }

  /** True: there was nothing to send back. Otherwise the failures are counted, and parked when there are too many. */
  async sendBack(rejections: readonly (Rejection | undefined)[]): Promise<boolean> {
    const task = this.#task;
    const real = rejections.filter((rejection) => rejection !== undefined);
    if (real.length === 0) return true;
    const counts = task.sentBack(real);
    const failures = real.map((rejection) => rejection.failure);
    const worst = overBudget(counts, failures, task.input.policy.remediations);
    if (worst) await this.park(`${worst.message} (${counts.get(worst.signature) ?? 0} times)`);
    return false;
  }

  /** Runs a step; when its retries are used up the task waits for an answer and, told so, tries it again. */
  async try<T>(step: () => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#task.held !== null) await this.untilGoOn();
      try {
        return await step();
      } catch (error) {
        if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
        const reason = describeFailure(error);
        await this.park(reason, escalationOf(reason));
      }
    }
  }

  /** Asks a person how to go on, whatever the task was at; `about` says why it is not decided here. */
  async park(reason: string, about?: EscalationKind): Promise<void> {
    const task = this.#task;
    const answered = task.resolutions.length;
    task.block(reason, about);
    await this.record();
    await this.untilPerson({ done: () => task.resolutions.length > answered, on: reason });
    const resolution = task.resolutions[answered];
    if (!resolution) throw new Error('a resolution was counted but is not there');
    task.unblock(resolution);
    await this.record();
    if (resolution.action === 'skip') throw new GivenUp('skipped', reason);
    if (resolution.action === 'abandon') throw new GivenUp('abandoned', reason);
  }

  /** Waits for a person, and reminds of it as the policy says. False: it was `until` then before it was done. */
  async untilPerson(of: { done: () => boolean; on: string; until?: number | undefined }): Promise<boolean> {
    const { done, on, until = Infinity } = of;
    const { remindSeconds } = this.#task.input.policy.questions ?? {};
    const since = new Date(Date.now()).toISOString();
    for (let reminded = 0; !done(); reminded++) {
      const pause =
        remindSeconds === undefined ? Infinity : pauseBeforeReminder({ remindSeconds, reminded }) * 1_000;
      const left = Math.min(pause, until - Date.now());
      if (left === Infinity) await condition(done);
      else if (left <= 0) return false;
      else if (!(await condition(done, left)) && Date.now() < until) {
        this.#task.tell('reminded', `since ${since}: ${on}`);
        await this.record();
      }
    }
    return true;
  }

  /** Nothing new starts while the mission is paused; steps side by side wait for its end together. */
  untilGoOn(): Promise<void> {
    this.#untilGoOn ??= this.#waitForGoOn().finally(() => (this.#untilGoOn = undefined));
    return this.#untilGoOn;
  }

  async #waitForGoOn(): Promise<void> {
    const task = this.#task;
    const on = `the mission to be resumed: it is ${task.held ?? ''}`;
    task.waits.hold({ on, for: 'person', about: 'held' });
    await this.record();
    await condition(() => task.held === null);
    task.waits.hold(undefined);
  }

  async enter(gate: Gate, wait: Waiting): Promise<void> {
    if (this.#task.held !== null) await this.untilGoOn();
    this.#task.enter(gate, wait);
    await this.record();
  }

  /** A durable timer, for what opens again by itself. */
  async waitUntil(
    at: number,
    on: string,
    show = (wait: Waiting | undefined): void => this.#task.waitOn(wait),
  ): Promise<void> {
    show({ on: `${on}, not before ${new Date(at).toISOString()}`, for: 'quota' });
    try {
      await this.record();
      await sleep(Math.max(0, at - Date.now()));
    } finally {
      show(undefined);
    }
  }

  show(): void {
    this.#display.show(this.#task.view, this.#task.input.engine);
  }

  async record(): Promise<void> {
    const { view, place } = this.#task;
    this.show();
    const { tenant, mission } = place;
    const summary = `${view.status} at ${view.gate}`;
    await callToItsEnd(record.recordTask, summary, { tenant, mission, view, ...this.#task.takeNews() });
  }
}
