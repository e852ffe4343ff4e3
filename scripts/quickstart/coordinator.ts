import { entersGate, type MissionEvent } from '../../schema/contracts/views.ts';
import { Refusal, Unreachable, type Api } from '../cli/api-client.ts';

/** How soon an engine that was just killed is asked again. */
const againMs = 300;

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
        // A head that has moved, or a go-ahead that came through before its answer was lost.
        if (error instanceof Refusal && error.status === 409) return;
        if (!(error instanceof Unreachable)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, againMs));
    }
  }
}
