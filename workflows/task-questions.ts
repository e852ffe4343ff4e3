import {
  QuestionNews,
  type AnswerRequest,
  type Question,
  type QuestionPolicy,
} from '../schema/contracts/question.ts';
import type { SessionSummary } from '../schema/contracts/session.ts';
import { withExpiry } from './rules/questions.ts';

/** What a question was answered with. */
export interface Answered {
  option: string;
  by: string;
  note?: string | undefined;
  /** In milliseconds since 1970. */
  at: number;
  /** Nobody has answered in time, and the policy has. */
  expired: boolean;
}

interface Known {
  question: Question;
  state: 'open' | 'over' | Answered;
}

/** What people are asked in a task, by agents and by the engine. Each question is asked once and answered once. */
export class TaskQuestions {
  readonly #questions = new Map<string, Known>();
  readonly #ended: readonly SessionSummary[];
  readonly #policy: QuestionPolicy | undefined;

  constructor(ended: readonly SessionSummary[], policy?: QuestionPolicy) {
    this.#ended = ended;
    this.#policy = policy;
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
      if (this.#questions.has(news.question.id) || this.#isOver(news.question)) return undefined;
      const question = withExpiry(news.question, this.#policy);
      this.#questions.set(question.id, { question, state: 'open' });
      return { kind: 'asked', question };
    }
    const known = this.#questions.get(news.id);
    if (known?.state !== 'open') return undefined;
    known.state = 'over';
    return news;
  }

  /** A question of the engine's own. Undefined: it is asked already, or was answered. */
  ask(asked: Question): Question | undefined {
    const known = this.#questions.get(asked.id);
    if (known && known.state !== 'over') return undefined;
    const question = withExpiry(asked, this.#policy);
    this.#questions.set(question.id, { question, state: 'open' });
    return question;
  }

  isOpen(id: string): boolean {
    const known = this.#questions.get(id);
    return known !== undefined && this.#isOpen(known);
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
      if (state.expired) return `${id} has expired at ${when}: ${state.option} was taken by policy`;
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

  answer(of: AnswerRequest & Pick<Answered, 'at' | 'expired'>): Question {
    const { question: id, ...answered } = of;
    const known = this.#questions.get(id);
    if (!known) throw new Error(`there is no question ${id}`);
    known.state = answered;
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
