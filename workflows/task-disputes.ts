import { disputeDecisions, placeOf, type KnownFinding } from '../schema/contracts/review.ts';
import type { Delivered } from './ports.ts';
import type { TaskAsks } from './task-asks.ts';
import type { TaskState } from './task-state.ts';

const names = {
  uphold: 'it is to be mended',
  drop: 'it is none, and blocks no more',
  defer: 'not here: it gets a task of its own',
};

/** Ids are short; whoever writes something else in their place is told enough of it. */
const longestId = 40;
const idsTold = 5;

/** How it ends when author and reviewer disagree: somebody who is neither of them decides. */
export class TaskDisputes {
  readonly #task: TaskState;
  readonly #asks: TaskAsks;

  constructor(of: { task: TaskState; asks: TaskAsks }) {
    this.#task = of.task;
    this.#asks = of.asks;
  }

  /** What the author of a delivery says to what was found. What can't be understood is told, to its next session too. */
  heard({ answers = [], unreadAnswers, headSha: sha }: Delivered, session: string | null): void {
    if (session === null) return;
    const { findings } = this.#task;
    findings.answered(answers, { sha, by: session });
    if (unreadAnswers !== undefined) this.#misunderstood(session, `could not be read: ${unreadAnswers}`);
    const unknown = answers.filter(({ id }) => !findings.known.some((known) => known.id === id));
    if (unknown.length === 0) return;
    const ids = unknown.map(({ id }) => id.slice(0, longestId)).slice(0, idsTold);
    this.#misunderstood(session, `names what is no finding of this task: ${ids.join(', ')}`);
  }

  #misunderstood(session: string, why: string): void {
    const message = `what ${session} has answered to findings ${why}`;
    this.#task.tell('ignored', message);
    const feedback = `${message}. It counts for nothing: write the file anew, in the form that is asked for`;
    this.#task.tellNext({ gate: 'verify-delivery', message: feedback, findings: [], excerpt: null });
  }

  /** Each dispute is asked for by itself, all of them at once. */
  async untilSettled(): Promise<void> {
    const { disputed } = this.#task.findings;
    if (disputed.length > 0) await Promise.all(disputed.map((finding) => this.#ask(finding)));
  }

  async #ask(finding: KnownFinding): Promise<void> {
    const task = this.#task;
    const { id, engine, message } = finding;
    const {
      option,
      by,
      note: why,
    } = await this.#asks.ask({
      id: `finding-${id}`,
      kind: 'conflict',
      title: `${engine} and the author disagree: ${message}`.slice(0, 300),
      detail: describeDispute(finding),
      options: disputeDecisions.map((decision) => ({ id: decision, name: names[decision] })),
    });
    const decision = disputeDecisions.find((one) => one === option);
    if (decision === undefined) throw new Error(`${option} is no decision on ${id}`);
    task.findings.decided(id, decision, { by, ...(why === undefined ? {} : { why }) });
  }
}

function describeDispute(finding: KnownFinding): string {
  const { severity, category, message, history } = finding;
  const said = history.findLast(({ what }) => what === 'disputed');
  return `${severity} (${category})${placeOf(finding)}: ${message}\nThe author (${said?.by ?? ''}): ${said?.why ?? ''}`;
}
