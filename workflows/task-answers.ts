import { ApplicationFailure, TemporalFailure } from '@temporalio/workflow';
import type { Wait } from '../schema/contracts/gates.ts';
import type { AnswerRequest } from '../schema/contracts/question.ts';
import { HostLost, type TaskHost } from './task-host.ts';
import type { TaskState } from './task-state.ts';
import type { TaskSteps } from './task-steps.ts';

/** How a task passes on what a person is asked, and what is answered. */
export class TaskAnswers {
  readonly #task: TaskState;
  readonly #steps: TaskSteps;
  readonly #host: TaskHost;
  #waitBefore: Pick<Wait, 'on' | 'for'> | undefined;

  constructor(of: { task: TaskState; steps: TaskSteps; host: TaskHost }) {
    this.#task = of.task;
    this.#steps = of.steps;
    this.#host = of.host;
  }

  async hear(raw: unknown): Promise<void> {
    const task = this.#task;
    const news = task.questions.hear(raw);
    if (news === undefined) return;
    if (news === 'malformed') return task.tell('ignored', 'a question that is malformed');
    if (news.kind === 'asked') task.tell('asked', `${news.question.id}: ${news.question.title}`);
    else task.tell('answered', `${news.id} is over without an answer`);
    await this.show();
  }

  /** The answer is the task's once this has begun; it reaches the session also when the engine dies meanwhile. */
  async answer(request: AnswerRequest): Promise<undefined> {
    const task = this.#task;
    const { question: id, option, by } = request;
    const { session } = task.questions.answer(request, Date.now());
    task.tell('answered', `${id}: ${option} by ${by}`);
    // The engine's own question is waited for here: its step goes on by itself.
    if (session === null) {
      await this.show();
      return;
    }
    try {
      const input = { sessionId: session, question: id, option, by };
      await this.#host.call(({ steps }) => steps.answerQuestion, `${option} to ${id}`, input);
    } catch (error) {
      if (error instanceof TemporalFailure || error instanceof HostLost) task.questions.reopen(id);
      if (error instanceof HostLost) throw gone(error);
      throw error;
    } finally {
      await this.show();
    }
  }

  /** A task that is asked waits for a person; when nobody is asked any more, for what it waited for before. */
  async show(): Promise<void> {
    const task = this.#task;
    const open = task.questions.open;
    const isAsked = task.view.questions.length > 0;
    task.view.questions = open;
    const [first] = open;
    if (first) {
      if (!isAsked) this.#waitBefore = task.view.waits ?? undefined;
      task.waitOn({ on: `an answer to ${first.id}: ${first.title}`, for: 'person' });
    } else if (isAsked) {
      task.waitOn(this.#waitBefore);
    }
    await this.#steps.record();
  }
}

/** The session ends with its host, and whoever answers is told so. */
function gone({ message }: HostLost): ApplicationFailure {
  return ApplicationFailure.create({ type: 'WrongPhase', message, nonRetryable: true });
}
