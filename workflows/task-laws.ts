import { lawQuestion, type Breach } from '../schema/contracts/law.ts';
import type { Delivered } from './ports.ts';
import { breachKey, describeBreaches, rejectBreaches } from './rules/laws.ts';
import type { TaskAsks } from './task-asks.ts';
import type { TaskState } from './task-state.ts';
import type { TaskSteps } from './task-steps.ts';

/** What no configuration loosens: a delivery that breaks a law is pushed only when a person lets it through. */
export class TaskLaws {
  readonly #task: TaskState;
  readonly #steps: TaskSteps;
  readonly #asks: TaskAsks;
  /** What the author has been told of. */
  readonly #told = new Set<string>();
  #asked = 0;
  #allowed: string | undefined;

  constructor(of: { task: TaskState; steps: TaskSteps; asks: TaskAsks }) {
    this.#task = of.task;
    this.#steps = of.steps;
    this.#asks = of.asks;
  }

  /**
   * Whether a delivery may go on. False: it goes back to its author, who may have made a mistake. Whoever delivers the
   * same breach again insists on it, and a person decides.
   */
  async allow({ headSha, breaches = [] }: Delivered): Promise<boolean> {
    this.#keepLifted(headSha);
    const open = breaches.filter((breach) => !this.#isLifted(breach));
    if (open.length === 0 || (await this.#isLetThrough(open, headSha))) {
      this.#allowed = headSha;
      return true;
    }
    await this.#steps.sendBack(rejectBreaches(open, headSha));
    return false;
  }

  async #isLetThrough(open: readonly Breach[], headSha: string): Promise<boolean> {
    const isInsistedOn = open.some((breach) => this.#told.has(breachKey(breach)));
    for (const breach of open) this.#told.add(breachKey(breach));
    if (!isInsistedOn) return false;
    const task = this.#task;
    this.#asked += 1;
    const { option, by } = await this.#asks.ask({
      id: lawQuestion(this.#asked),
      kind: 'law',
      title: `${task.place.task} breaks a law at ${headSha}: may it be merged all the same?`,
      detail: describeBreaches(open),
      options: [
        { id: 'lift', name: 'Let it through, at this head' },
        { id: 'send-back', name: 'Send it back to its author' },
      ],
    });
    if (option !== 'lift') return false;
    for (const breach of open) this.#lift(breach, by);
    task.tell('resolved', `let through by ${by} at ${headSha}: ${open.map(breachKey).join('; ')}`);
    return true;
  }

  #lift(breach: Breach, by: string): void {
    this.#task.view.lifted.push({ ...breach, by, at: Date.now() });
  }

  #isLifted({ law, sha, file, message }: Breach): boolean {
    return this.#task.view.lifted.some(
      (one) => one.law === law && one.sha === sha && one.file === file && one.message === message,
    );
  }

  /** A new head is to be asked about anew, unless the engine has brought it up to its base: the change is the same there. */
  #keepLifted(headSha: string): void {
    const { lifted } = this.#task.view;
    if (this.#allowed === undefined || headSha === this.#allowed || !this.#task.updates.has(headSha)) return;
    const own = lifted.filter(({ sha }) => sha === this.#allowed);
    lifted.push(...own.map((one) => ({ ...one, sha: headSha })));
  }
}
