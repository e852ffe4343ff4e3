import { isEnded, type Waiting } from '../schema/contracts/gates.ts';
import { describeWait } from './rules/details.ts';
import type { TaskState } from './task-state.ts';

/** Enough to see what a task has spent its time on; a view is written at every gate. */
const waitsKept = 50;

/** What a task waits on: of all that it waits on at once, what a person has to see first. */
export class TaskWaits {
  readonly #task: Pick<TaskState, 'view' | 'questions' | 'tell'>;
  readonly #now: () => number;
  /** What the gate waits for. */
  #gate: Waiting | undefined;
  /** What some of it waits for meanwhile, by whose it is. */
  readonly #meanwhile = new Map<string, Waiting>();
  #held: Waiting | undefined;

  constructor(task: Pick<TaskState, 'view' | 'questions' | 'tell'>, now: () => number) {
    this.#task = task;
    this.#now = now;
  }

  /** A gate tells of its wait itself. */
  enter(wait: Waiting | undefined): void {
    this.#gate = wait;
    this.show();
  }

  /** Another wait of the gate, or the end of it. */
  waitOn(wait: Waiting | undefined): void {
    this.#gate = wait;
    this.changed();
  }

  /** A wait of one who has a part in the gate, or the end of it: then it is the gate's again. */
  meanwhile(who: string, wait: Waiting | undefined): void {
    if (wait) this.#meanwhile.set(who, wait);
    else this.#meanwhile.delete(who);
    this.changed();
  }

  /** A step does not start while the mission is paused. */
  hold(wait: Waiting | undefined): void {
    this.#held = wait;
    this.changed();
  }

  /** Tells what is waited on where that is another now. */
  changed(): void {
    const { waits } = this.#task.view;
    this.show();
    const { waits: next } = this.#task.view;
    if (next && next !== waits) this.#task.tell('waiting', describeWait(next));
  }

  show(): void {
    const { view, questions } = this.#task;
    view.questions = questions.open;
    const next = this.#first();
    const { waits, gate } = view;
    if (waits && waits.gate === gate && waits.on === next?.on && waits.for === next.for) return;
    if (waits) view.waited = [...view.waited, { ...waits, until: this.#now() }].slice(-waitsKept);
    view.waits = next ? { gate, ...next, since: this.#now() } : null;
  }

  #first(): Waiting | undefined {
    const { status, reason, questions } = this.#task.view;
    if (isEnded(status)) return undefined;
    if (status === 'blocked') return { on: `an answer: ${reason ?? ''}`, for: 'person' };
    const [question] = questions;
    if (question) return { on: `an answer to ${question.id}: ${question.title}`, for: 'person' };
    const [meanwhile] = this.#meanwhile.values();
    return this.#held ?? meanwhile ?? this.#gate;
  }
}
