import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { Waiting } from '../schema/contracts/gates.ts';
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

  async until({ request: next, before, show }: Asks): Promise<Placed> {
    for (;;) {
      await before();
      // A seat that is held through a pause would be nobody's.
      if (this.#task.held !== null) await this.#steps.untilGoOn();
      const request = next();
      let placement = await call(places.placeSession, `a place for ${request.sessionId}`, request);
      if (placement.kind === 'full') placement = await this.#untilFree(request, placement.on, show);
      switch (placement.kind) {
        case 'placed':
          return placement;
        case 'closed':
          await this.#steps.waitUntil(placement.until, placement.on, show);
          break;
        case 'nowhere':
          await this.#steps.park(placement.reason, 'credentials');
          break;
        case 'full':
          // The mission was paused.
          break;
      }
    }
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
