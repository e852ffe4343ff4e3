import { QuestionNews, type AnswerRequest, type Question } from '../schema/contracts/question.ts';
import type { SessionSummary } from '../schema/contracts/session.ts';

/** What a task's agents have asked of people. Each question is asked once and answered once. */
export class TaskQuestions {
  readonly #questions = new Map<string, { question: Question; state: 'open' | 'over' | AnswerRequest }>();
  readonly #ended: readonly SessionSummary[];

  constructor(ended: readonly SessionSummary[]) {
    this.#ended = ended;
  }

  get open(): Question[] {
    return [...this.#questions.values()]
      .filter(({ question, state }) => state === 'open' && !this.#isOver(question))
      .map(({ question }) => question);
  }

  /** Undefined: nothing is new. Whoever adopts a session tells all of its questions again. */
  hear(raw: unknown): QuestionNews | 'malformed' | undefined {
    const parsed = QuestionNews.safeParse(raw);
    if (!parsed.success) return 'malformed';
    const news = parsed.data;
    if (news.kind === 'asked') {
      const { question } = news;
      if (this.#questions.has(question.id) || this.#isOver(question)) return undefined;
      this.#questions.set(question.id, { question, state: 'open' });
      return news;
    }
    const known = this.#questions.get(news.id);
    if (known?.state !== 'open') return undefined;
    known.state = 'over';
    return news;
  }

  /** Why an answer does not count. */
  fault({ question: id, option }: AnswerRequest): string | undefined {
    const known = this.#questions.get(id);
    if (!known) {
      const open = this.open.map((question) => question.id).join(', ');
      return `there is no question ${id}: ${open === '' ? 'none is open' : `open is ${open}`}`;
    }
    const { question, state } = known;
    if (typeof state !== 'string') return `${id} was answered already: ${state.option} by ${state.by}`;
    if (state === 'over') return `${id} is over: its agent waits for no answer any more`;
    if (this.#isOver(question)) return `${id} is over: its session has ended`;
    const options = question.options.map((each) => each.id);
    return options.includes(option) ? undefined : `${id} can be answered with ${options.join(', ')}`;
  }

  answer(request: AnswerRequest): Question {
    const known = this.#questions.get(request.question);
    if (!known) throw new Error(`there is no question ${request.question}`);
    known.state = request;
    return known.question;
  }

  /** An answer that could not be brought to its session counts for nothing. */
  reopen(id: string): void {
    const known = this.#questions.get(id);
    if (known) known.state = 'open';
  }

  #isOver(question: Question): boolean {
    return this.#ended.some((session) => session.id === question.session);
  }
}
