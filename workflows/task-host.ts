import { ActivityFailure, isCancellation, TimeoutFailure } from '@temporalio/workflow';
import type { HostState } from '../schema/contracts/host.ts';
import { hostQueue, slotsQueue } from '../schema/contracts/names.ts';
import type { Placed } from './ports.ts';
import { call, hostRuns, hostSteps, hostWaits, places, type Callable } from './proxies.ts';
import { describeFailure } from './rules/describe-failure.ts';
import type { TaskState } from './task-state.ts';

/** A host that is only busy is asked seldom: each time costs some events. */
const longestPatienceSeconds = 10 * 60;

/** How long a host where the task was before may take to begin its clean-up: nobody waits for one that is gone. */
const partingTimeout = '30s';

/** The host of the task's clone is gone for good. */
export class HostLost extends Error {
  readonly host: string;
  constructor(host: string, state: HostState | undefined) {
    super(`the host ${host} ${state === 'left' ? 'has left' : 'is lost'}`);
    this.host = host;
  }
}

interface OnHost {
  runs: ReturnType<typeof hostRuns>;
  steps: ReturnType<typeof hostSteps>;
  waits: ReturnType<typeof hostWaits>;
}

/** The host where a task's sessions run, their commits are verified, and from where they are pushed. */
export class TaskHost {
  readonly #task: TaskState;
  readonly #home: string;
  /** What the engine's own host does, wherever the task's sessions are. */
  readonly home: OnHost;
  readonly #longestRunSeconds: number;
  /** Hosts that have something of the task. */
  readonly #used = new Set<string>();
  #name: string;
  #leaseSeconds: number | null = null;
  #on: OnHost;

  constructor(task: TaskState) {
    const { engine, policy } = task.input;
    this.#task = task;
    this.#home = engine.host;
    this.#longestRunSeconds = Math.max(policy.sessionTimeoutSeconds, policy.checksTimeoutSeconds * 20);
    this.#name = this.#home;
    this.home = this.#proxiesOf(this.#home);
    this.#on = this.home;
  }

  get name(): string {
    return this.#name;
  }

  moveTo({ host, leaseSeconds }: Pick<Placed, 'host' | 'leaseSeconds'>): void {
    if (host !== this.#name) this.#on = this.#proxiesOf(host);
    this.#name = host;
    this.#leaseSeconds = leaseSeconds;
  }

  /** The engine's own host goes on with what another can't. */
  moveHome(): void {
    this.moveTo({ host: this.#home, leaseSeconds: null });
  }

  /**
   * Calls until the host has done it. A host with a lease that takes nothing up is asked after: a machine that is only
   * busy, or may be back, is waited for. Throws `HostLost` where it is gone. Whoever answers a question may wait here
   * while the task goes on elsewhere: it stays with the host that it began with.
   */
  async call<Input, Output>(
    activity: (on: OnHost) => Callable<Input, Output>,
    summary: string,
    input: Input,
  ): Promise<Output> {
    const host = this.#name;
    const on = this.#on;
    const lease = this.#leaseSeconds;
    this.#used.add(host);
    if (lease === null) return call(activity(on), summary, input);
    // Within a lease a host is either served, or on its way to be lost.
    for (let patience = lease; ;) {
      try {
        return await call(activity(on), summary, input, { scheduleToStartTimeout: patience * 1_000 });
      } catch (error) {
        if (!wasNotTakenUp(error)) throw error;
        const { engine } = this.#task.input;
        const { state } = await call(places.stateOfHost, `what became of ${host}`, { engine, host });
        if (state === undefined || state === 'lost' || state === 'left') throw new HostLost(host, state);
        patience = state === 'silent' ? lease : Math.min(patience * 2, longestPatienceSeconds);
      }
    }
  }

  /** Ends what still runs of the task and removes its clone, here; elsewhere as far as the hosts answer. */
  async cleanUp(summary: string): Promise<void> {
    const { place } = this.#task;
    for (const host of this.#used) {
      if (host === this.#home || host === this.#name) continue;
      const { cleanUp } = this.#proxiesOf(host).steps;
      await this.#leaving(() =>
        call(cleanUp, `${summary} on ${host}`, { place }, { scheduleToStartTimeout: partingTimeout }),
      );
    }
    if (this.#name !== this.#home) {
      const on = `${summary} on ${this.#name}`;
      await this.#leaving(() => this.call(({ steps }) => steps.cleanUp, on, { place }));
    }
    await call(this.home.steps.cleanUp, summary, { place });
  }

  async #leaving(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      const isTold =
        error instanceof HostLost || (error instanceof ActivityFailure && !isCancellation(error));
      if (!isTold) throw error;
      const why = error instanceof ActivityFailure ? describeFailure(error) : error.message;
      this.#task.tell('ignored', `clean-up: ${why}`);
    }
  }

  #proxiesOf(host: string): OnHost {
    const of = { installation: this.#task.input.engine.installation, host };
    const queue = hostQueue(of);
    return {
      runs: hostRuns(slotsQueue(of), this.#longestRunSeconds),
      steps: hostSteps(queue),
      waits: hostWaits(queue),
    };
  }
}

function wasNotTakenUp(error: unknown): boolean {
  if (!(error instanceof ActivityFailure) || !(error.cause instanceof TimeoutFailure)) return false;
  return error.cause.timeoutType === 'SCHEDULE_TO_START';
}
