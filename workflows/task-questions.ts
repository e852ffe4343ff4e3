import { QuestionNews, type AnswerRequest, type Question } from '../schema/contracts/question.ts';
import type { SessionSummary } from '../schema/contracts/session.ts';

/** What a question was answered with. */
export interface Answered {
  option: string;
  by: string;
  /** In milliseconds since 1970. */
  at: number;
}

interface Known {
  question: Question;
  state: 'open' | 'over' | Answered;
}

/** What people are asked in a task, by agents and by the engine. Each question is asked once and answered once. */
export class TaskQuestions {
  readonly #questions = new Map<string, Known>();
  readonly #ended: readonly SessionSummary[];

  constructor(ended: readonly SessionSummary[]) {
    this.#ended = ended;
  }

  get open(): Question[] {
    return [...this.#questions.values()]
      .filter((known) => this.#isOpen(known))
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

  /** A question of the engine's own. False: it is asked already, or was answered. */
  ask(question: Question): boolean {
    const known = this.#questions.get(question.id);
    if (known && known.state !== 'over') return false;
    this.#questions.set(question.id, { question, state: 'open' });
    return true;
  }

  answerTo(id: string): Answered | undefined {
    const state = this.#questions.get(id)?.state;
    return typeof state === 'object' ? state : undefined;
  }

  /** Nobody waits for its answer any more; one that was answered stays so. */
  takeBack(id: string): void {
    const known = this.#questions.get(id);
    if (known?.state === 'open') known.state = 'over';
  }

  /** Why an answer does not count. */
  fault({ question: id, option }: AnswerRequest): string | undefined {
    const known = this.#questions.get(id);
    if (!known) {
      const open = this.open.map((question) => question.id).join(', ');
      return `there is no question ${id}: ${open === '' ? 'none is open' : `open is ${open}`}`;
    }
    const { question, state } = known;
    if (typeof state === 'object') {
      const when = new Date(state.at).toISOString();
      return `${id} was answered already: ${state.option} by ${state.by} at ${when}`;
    }
    if (state === 'over') {
      const who = question.session === null ? 'the engine' : 'its agent';
      return `${id} is over: ${who} waits for no answer any more`;
    }
    if (this.#isOver(question)) return `${id} is over: its session has ended`;
    const options = question.options.map((each) => each.id);
    return options.includes(option) ? undefined : `${id} can be answered with ${options.join(', ')}`;
  }

  answer({ question: id, option, by }: AnswerRequest, at: number): Question {
    const known = this.#questions.get(id);
    if (!known) throw new Error(`there is no question ${id}`);
    known.state = { option, by, at };
    return known.question;
  }

  /** An answer that could not be brought to its session counts for nothing. */
  reopen(id: string): void {
    const known = this.#questions.get(id);
    if (known) known.state = 'open';
  }

  #isOpen({ question, state }: Known): boolean {
    return state === 'open' && !this.#isOver(question);
  }

  #isOver({ session }: Question): boolean {
    return session !== null && this.#ended.some(({ id }) => id === session);
  }
}
