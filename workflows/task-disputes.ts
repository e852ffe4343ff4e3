import { disputeDecisions, type KnownFinding } from '../schema/contracts/review.ts';
import type { Delivery } from './ports.ts';
import type { TaskAsks } from './task-asks.ts';
import type { TaskState } from './task-state.ts';

const names = {
  uphold: 'it is to be mended',
  drop: 'it is none, and blocks no more',
  defer: 'not here: it gets a task of its own',
};

/** How it ends when author and reviewer disagree: somebody who is neither of them decides. */
export class TaskDisputes {
  readonly #task: TaskState;
  readonly #asks: TaskAsks;

  constructor(of: { task: TaskState; asks: TaskAsks }) {
    this.#task = of.task;
    this.#asks = of.asks;
  }

  /** What the author of a delivery says to what was found. */
  heard({ answers, headSha: sha }: Extract<Delivery, { kind: 'delivered' }>, session: string | null): void {
    if (answers !== undefined && session !== null)
      this.#task.findings.answered(answers, { sha, by: session });
  }

  /** Each dispute is asked for by itself, all of them at once. */
  async untilSettled(): Promise<void> {
    const { disputed } = this.#task.findings;
    if (disputed.length > 0) await Promise.all(disputed.map((finding) => this.#ask(finding)));
  }

  async #ask(finding: KnownFinding): Promise<void> {
    const task = this.#task;
    const { id, engine, message } = finding;
    const { option, by } = await this.#asks.ask({
      id: `finding-${id}`,
      kind: 'conflict',
      title: `${engine} and the author disagree: ${message}`.slice(0, 300),
      detail: describeDispute(finding),
      options: disputeDecisions.map((decision) => ({ id: decision, name: names[decision] })),
    });
    const decision = disputeDecisions.find((one) => one === option);
    // A policy may let a question expire without one of ours; then the reviewer is right.
    task.findings.decided(id, decision ?? 'uphold', { by });
  }
}

function describeDispute({ severity, category, file, line, message, history }: KnownFinding): string {
  const place = file === undefined ? '' : ` ${file}${line === undefined ? '' : `:${line}`}`;
  const said = history.findLast(({ what }) => what === 'disputed');
  return `${severity} (${category})${place}: ${message}\nThe author (${said?.by ?? ''}): ${said?.why ?? ''}`;
}
