import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { Waiting } from '../schema/contracts/gates.ts';
import { defaultPriority } from '../schema/contracts/mission-file.ts';
import type { Placed, Placement, PlaceRequest } from './ports.ts';
import { awaitPlace, call, places } from './proxies.ts';
import type { TaskState } from './task-state.ts';
import type { TaskSteps } from './task-steps.ts';

/** Who asks for a place. */
export interface Asks {
  /** Made anew for each look. */
  request: () => PlaceRequest;
  /** What comes before each look. */
  before: () => Promise<void> | undefined;
  /** Shows what is waited for; undefined: that is over. */
  show: (wait: Waiting | undefined) => void;
}

/** How a session comes by its place: within the limits of hosts and accounts, whatever it is for. */
export class TaskPlaces {
  readonly #task: TaskState;
  readonly #steps: TaskSteps;

  constructor(of: { task: TaskState; steps: TaskSteps }) {
    this.#task = of.task;
    this.#steps = of.steps;
  }

  /** Waits for as long as that takes, and asks a person where it can run nowhere. */
  async until(asks: Asks): Promise<Placed> {
    for (;;) {
      const placement = await this.look(asks);
      switch (placement.kind) {
        case 'placed':
          return placement;
        case 'closed':
          await this.#steps.waitUntil(placement.until, placement.on, asks.show);
          break;
        case 'nowhere':
          await this.#steps.park(placement.reason, 'credentials');
          break;
      }
    }
  }

  /** Waits for those who are at work, and for nothing else: a quota may be closed for days. */
  async look({ request: next, before, show }: Asks): Promise<Exclude<Placement, { kind: 'full' }>> {
    for (;;) {
      await before();
      // A seat that is held through a pause would be nobody's.
      if (this.#task.held !== null) await this.#steps.untilGoOn();
      const request = next();
      let placement = await call(places.placeSession, `a place for ${request.sessionId}`, request);
      if (placement.kind === 'full') placement = await this.#untilFree(request, placement.on, show);
      // Otherwise the mission was paused.
      if (placement.kind !== 'full') return placement;
    }
  }

  /** What the session of an agent that reads where the engine is asks for; undefined where it takes no seat. */
  ofReader(engine: string, sessionId: string): PlaceRequest | undefined {
    const { engine: facts, policy, reviewAgents = [] } = this.#task.input;
    const agent = reviewAgents.find((one) => one.engine === engine);
    if (!agent || facts.placement !== true) return undefined;
    const { mission, task, repository } = this.#task.place;
    return {
      engine: facts,
      place: { mission, task, repository },
      sessionId,
      programs: [agent.program],
      labels: [],
      at: facts.host,
      current: facts.host,
      unpushed: false,
      priority: policy.priority ?? defaultPriority,
    };
  }

  /** Answers `full` where the mission was paused meanwhile. */
  async #untilFree(request: PlaceRequest, on: string, show: Asks['show']): Promise<Placement> {
    const task = this.#task;
    show({ on, for: 'engine' });
    await this.#steps.record();
    const waiting = new CancellationScope();
    const placement = waiting.run(() => call(awaitPlace, `a place for ${request.sessionId}: ${on}`, request));
    const paused = new CancellationScope();
    try {
      await Promise.race([placement, paused.run(() => condition(() => task.held !== null))]);
      if (task.held !== null) waiting.cancel();
      return await placement;
    } catch (error) {
      if (!isCancellation(error) || CancellationScope.current().consideredCancelled) throw error;
      return { kind: 'full', on };
    } finally {
      paused.cancel();
      show(undefined);
    }
  }
}
