import { GoAheadRequest } from '../schema/contracts/messages.ts';
import type { GoAhead } from '../schema/contracts/views.ts';
import { goAheadFault, type GoAheadFault } from './rules/go-ahead.ts';
import type { TaskState } from './task-state.ts';

/** Who may let a head be merged, and who has. Plain data and rules, as the task's state is. */
export class TaskGoAheads {
  readonly #task: Pick<TaskState, 'input' | 'view' | 'tell'>;
  readonly #now: () => number;
  /** Whether the change touches what it is judged by, or what two persons must agree to. */
  #touches = { judge: false, twoPersons: false };
  /** Where in the view those begin that may still count. */
  #valid = 0;

  constructor(task: Pick<TaskState, 'input' | 'view' | 'tell'>, now: () => number) {
    this.#task = task;
    this.#now = now;
  }

  /** What was found of the head that is next. */
  delivered(of: { touchesJudge: boolean; needsTwo?: boolean }): void {
    this.#touches = { judge: of.touchesJudge, twoPersons: of.needsTwo === true };
    this.#count();
  }

  /** What was given counts no more: it was for another head, or for that head as it was then. */
  void(): void {
    this.#task.view.goAhead = null;
    this.#valid = this.#task.view.goAheads.length;
    this.#count();
  }

  #count(): void {
    const { needed } = this;
    this.#task.view.standing = needed === 1 ? null : { given: this.given.length, needed };
  }

  areNeeded(): boolean {
    const { coordinators } = this.#task.input.policy;
    return coordinators.length > 0 || this.#touches.judge || this.#touches.twoPersons;
  }

  /** How many persons must give it. */
  get needed(): number {
    return this.#touches.twoPersons ? 2 : 1;
  }

  /** Those that count for the present head. */
  get given(): GoAhead[] {
    const { goAheads, headSha } = this.#task.view;
    return goAheads.slice(this.#valid).filter(({ sha }) => sha === headSha);
  }

  /** What is waited for, as people read it. */
  describe(): string {
    const of = this.needed === 1 ? '' : `, ${this.given.length} of ${this.needed} are given`;
    return `the merge go-ahead for ${this.#task.view.headSha ?? ''}${of}`;
  }

  fault(request: GoAheadRequest, via: GoAhead['via']): GoAheadFault | undefined {
    const { needed, given } = this;
    const { view, input } = this.#task;
    return goAheadFault({ view, coordinators: input.policy.coordinators, needed, given, request, via });
  }

  give({ headSha, by }: GoAheadRequest, via: GoAhead['via']): GoAhead {
    const { view } = this.#task;
    const goAhead: GoAhead = { sha: headSha, by, via, at: this.#now() };
    view.goAheads.push(goAhead);
    if (this.given.length >= this.needed) view.goAhead = goAhead;
    this.#count();
    const { standing } = view;
    const count = standing ? `, ${standing.given} of ${standing.needed}` : '';
    this.#task.tell('go-ahead', `${by} for ${headSha} through ${via}${count}`);
    return standing ? { ...goAhead, standing } : goAhead;
  }

  /** The signal twin of the go-ahead. A signal can't be refused: what does not count is noted and ignored. */
  hear(raw: unknown): void {
    const task = this.#task;
    const request = GoAheadRequest.safeParse(raw);
    if (!task.input.engine.goAheadBySignal)
      return task.tell('ignored', 'a go-ahead by signal: it is switched off');
    if (!request.success) return task.tell('ignored', 'a go-ahead by signal that is malformed');
    const fault = this.fault(request.data, 'temporal');
    if (fault) return task.tell('ignored', `a go-ahead by signal: ${fault.message}`);
    this.give(request.data, 'temporal');
  }
}
