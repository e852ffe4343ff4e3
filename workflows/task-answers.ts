import { ApplicationFailure, isCancellation, TemporalFailure } from '@temporalio/workflow';
import type { AnswerRequest, Question } from '../schema/contracts/question.ts';
import { isReviewSession } from '../schema/contracts/names.ts';
import { call } from './proxies.ts';
import { HostLost, type TaskHost } from './task-host.ts';
import type { TaskState } from './task-state.ts';
import type { TaskSteps } from './task-steps.ts';

/** How a task passes on what a person is asked, and what is answered. */
export class TaskAnswers {
  readonly #task: TaskState;
  readonly #steps: TaskSteps;
  readonly #host: TaskHost;

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
    if (news.kind === 'over') {
      task.tell('answered', `${news.id} is over without an answer`);
      return this.show();
    }
    const { question } = news;
    task.tell('asked', `${question.id}: ${question.title}`);
    await this.show();
    if (task.input.policy.questions) await this.#outlastAgents(question);
  }

  /** The answer is the task's once this has begun; it reaches the session also when the engine dies meanwhile. */
  async answer(request: AnswerRequest): Promise<undefined> {
    // Something may have come between the validator and this: a question takes one answer.
    const fault = this.#task.questions.fault(request);
    if (fault !== undefined) throw wrongPhase(fault);
    await this.#take(request, false);
  }

  /** Until a question is answered, or its policy has answered it, or nobody waits for an answer any more. */
  async outlast({ id, title, expiresAt, default: option }: Question): Promise<void> {
    const done = (): boolean => !this.#task.questions.isOpen(id);
    const settled = await this.#steps.untilPerson({ done, on: `${id}: ${title}`, until: expiresAt });
    if (!settled && option !== undefined) await this.#take({ question: id, option, by: 'policy' }, true);
  }

  /** Of an agent: what can't be brought to its session is not the task's failure. A person may still answer. */
  async #outlastAgents(question: Question): Promise<void> {
    try {
      await this.outlast(question);
    } catch (error) {
      if (isCancellation(error)) return;
      if (!(error instanceof TemporalFailure)) throw error;
      this.#task.tell('ignored', `the answer of the policy to ${question.id}: ${error.message}`);
    }
  }

  async #take(request: AnswerRequest, expired: boolean): Promise<void> {
    const task = this.#task;
    const { question: id, option, by, note } = request;
    const { session } = task.questions.answer({ ...request, at: Date.now(), expired });
    const why = expired ? ', since nobody has answered in time' : note === undefined ? '' : `: ${note}`;
    task.tell('answered', `${id}: ${option} by ${by}${why}`);
    // Whoever has asked for the engine waits for it in the task itself, and tells it there. Told here as well, both
    // would be told at once, and what comes of that has another order when the history is read again.
    if (session === null) return;
    try {
      const input = { sessionId: session, question: id, option, by };
      const summary = `${option} to ${id}`;
      // Reviewers run where the engine is, wherever the author does.
      if (isReviewSession(session)) await call(this.#host.home.steps.answerQuestion, summary, input);
      else await this.#host.call(({ steps }) => steps.answerQuestion, summary, input);
    } catch (error) {
      if (error instanceof TemporalFailure || error instanceof HostLost) task.questions.reopen(id);
      // The session ends with its host, and whoever answers is told so.
      if (error instanceof HostLost) throw wrongPhase(error.message);
      throw error;
    } finally {
      await this.show();
    }
  }

  /** What is asked is waited for. */
  async show(): Promise<void> {
    this.#task.waits.changed();
    await this.#steps.record();
  }
}

function wrongPhase(message: string): ApplicationFailure {
  return ApplicationFailure.create({ type: 'WrongPhase', message, nonRetryable: true });
}
