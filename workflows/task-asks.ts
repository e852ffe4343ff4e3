import { condition } from '@temporalio/workflow';
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

/** How a task asks a person for something that the engine does not decide. */
export class TaskAsks {
  readonly #task: TaskState;
  readonly #answers: TaskAnswers;

  constructor(of: { task: TaskState; answers: TaskAnswers }) {
    this.#task = of.task;
    this.#answers = of.answers;
  }

  /**
   * Waits for the answer, however long, and goes on with it. One id is one question: asked again while it is open it is
   * still the same, and once it is answered the answer stands. A cancellation takes it back.
   */
  async ask(of: Ask): Promise<Pick<Answered, 'option' | 'by'>> {
    const task = this.#task;
    const { questions } = task;
    if (questions.ask({ ...of, session: null, at: Date.now() })) {
      task.tell('asked', `${of.id}: ${of.title}`);
      await this.#answers.show();
    }
    try {
      await condition(() => questions.answerTo(of.id) !== undefined);
    } finally {
      questions.takeBack(of.id);
      task.view.questions = questions.open;
    }
    const answer = questions.answerTo(of.id);
    if (!answer) throw new Error(`${of.id} was answered but has no answer`);
    return { option: answer.option, by: answer.by };
  }
}
