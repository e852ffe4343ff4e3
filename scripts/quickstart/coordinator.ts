import { entersGate, type MissionEvent } from '../../schema/contracts/views.ts';
import { Refusal, Unreachable, type Api } from '../cli/api-client.ts';

/** How soon an engine that was just killed is asked again. */
const againMs = 300;

/** Whether asking again may help: the state may change, the engine or its Temporal server may come back. */
export function mayPass(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof Refusal && [409, 503].includes(error.status));
}

/** Gives the go-ahead for each task that waits for one, through the API as any coordinator would. */
export class Coordinator {
  readonly #api: () => Promise<Api>;
  readonly #mission: string;
  #work: Promise<void> = Promise.resolve();

  constructor(of: { api: () => Promise<Api>; mission: string }) {
    this.#api = of.api;
    this.#mission = of.mission;
  }

  hear(event: MissionEvent): void {
    const { task } = event;
    if (task === null || !entersGate(event, 'go-ahead')) return;
    this.#work = this.#work.then(() => this.#approve(task));
    // `done` tells; until it is asked nobody else would listen.
    this.#work.catch(() => undefined);
  }

  /** Resolves when every go-ahead was given, rejects when one could not be. */
  done(): Promise<void> {
    return this.#work;
  }

  /**
   * Until the task has left the gate. A refusal means to look again: the head may have moved, an earlier go-ahead may
   * have come through though its answer was lost, and a workflow that is told anew after a crash may not have come
   * back to its gate yet.
   */
  async #approve(taskId: string): Promise<void> {
    for (;;) {
      try {
        const api = await this.#api();
        const { tasks } = await api.show(this.#mission);
        const task = tasks.find((candidate) => candidate.id === taskId);
        if (!task?.headSha || task.gate !== 'go-ahead') return;
        await api.goAhead({ id: this.#mission, task: taskId, headSha: task.headSha });
        return;
      } catch (error) {
        if (!mayPass(error)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, againMs));
    }
  }
}
