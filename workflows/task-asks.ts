import type { EscalationKind, QuestionOption } from '../schema/contracts/question.ts';
import type { TaskAnswers } from './task-answers.ts';
import type { Answered } from './task-questions.ts';
import type { TaskState } from './task-state.ts';

export interface Ask {
  /** The same for the same question, also when the step is taken again: made of what the task knows, never at random. */
  id: string;
  kind: EscalationKind;
  /** What is to be decided, in one line. */
  title: string;
  /** What one has to know for that. */
  detail: string | null;
  options: QuestionOption[];
}

type Decision = Pick<Answered, 'option' | 'by' | 'note'>;

/** How a task asks a person for something that the engine does not decide. */
export class TaskAsks {
  readonly #task: TaskState;
  readonly #answers: TaskAnswers;

  constructor(of: { task: TaskState; answers: TaskAnswers }) {
    this.#task = of.task;
    this.#answers = of.answers;
  }

  /**
   * Waits for the answer, however long, and goes on with it. One id is one question: once it is answered the answer stands.
   * `by` is `policy` where it has expired to the policy's default.
   */
  async ask(of: Ask): Promise<Decision> {
    const task = this.#task;
    const { questions } = task;
    const question = questions.ask({ ...of, session: null, at: Date.now() });
    if (question) {
      task.tell('asked', `${of.id}: ${of.title}`);
      await this.#answers.show();
      await this.#answers.outlast(question);
      await this.#answers.show();
    }
    const answer = questions.answerTo(of.id);
    if (!answer) throw new Error(`nobody waits for an answer to ${of.id}, and there is none`);
    const { option, by, note } = answer;
    return { option, by, note };
  }
}
