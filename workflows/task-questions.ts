import {
  blockedItem,
  describePast,
  QuestionNews,
  withPast,
  type AnswerRequest,
  type PastQuestion,
  type Question,
  type QuestionPolicy,
} from '../schema/contracts/question.ts';
import type { Resolution } from '../schema/contracts/messages.ts';
import type { TaskView } from '../schema/contracts/views.ts';
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

/** How a question came to its end; without an answer where nobody waits for one any more. */
interface Over {
  answer: Answered | null;
  at: number;
}

interface Known {
  question: Question;
  state: 'open' | Over;
}

/** What people are asked in a task, by agents and by the engine. Each question is asked once and answered once. */
export class TaskQuestions {
  readonly #questions = new Map<string, Known>();
  readonly #view: Pick<TaskView, 'sessions' | 'blocked' | 'reason'>;
  readonly #policy: QuestionPolicy | undefined;
  readonly #now: () => number;
  #pastBlocks: PastQuestion[] = [];
  /** When the task has ended. */
  #endedAt: number | undefined;

  constructor(of: {
    view: Pick<TaskView, 'sessions' | 'blocked' | 'reason'>;
    policy?: QuestionPolicy | undefined;
    now: () => number;
  }) {
    this.#view = of.view;
    this.#policy = of.policy;
    this.#now = of.now;
  }

  get open(): Question[] {
    return [...this.#questions.values()]
      .filter((known) => this.#isOpen(known))
      .map(({ question }) => question);
  }

  /** What is asked no more, in the order in which that came, and the blocks that were answered among it. */
  get past(): PastQuestion[] {
    const over = [...this.#questions.values()].flatMap((known) => this.#pastOf(known) ?? []);
    const all = [...over, ...this.#pastBlocks].sort((one, other) => one.at - other.at);
    return all.reduce<PastQuestion[]>(withPast, []);
  }

  /** Undefined: nothing is new. Whoever adopts a session tells all of its questions again. */
  hear(raw: unknown): QuestionNews | 'malformed' | undefined {
    const parsed = QuestionNews.safeParse(raw);
    if (!parsed.success) return 'malformed';
    const news = parsed.data;
    if (news.kind === 'asked') {
      if (this.#questions.has(news.question.id) || this.#overSince(news.question) !== undefined)
        return undefined;
      const question = withExpiry(news.question, this.#policy, this.#now());
      this.#questions.set(question.id, { question, state: 'open' });
      return { kind: 'asked', question };
    }
    if (this.#questions.get(news.id)?.state !== 'open') return undefined;
    this.takeBack(news.id);
    return news;
  }

  /** A question of the engine's own. Undefined: it is asked already, or was answered. */
  ask(asked: Question): Question | undefined {
    const known = this.#questions.get(asked.id);
    if (known && !isUnanswered(known)) return undefined;
    const question = withExpiry(asked, this.#policy, this.#now());
    this.#questions.set(question.id, { question, state: 'open' });
    return question;
  }

  isOpen(id: string): boolean {
    const known = this.#questions.get(id);
    return known !== undefined && this.#isOpen(known);
  }

  answerTo(id: string): Answered | undefined {
    const state = this.#questions.get(id)?.state;
    return (typeof state === 'object' ? state.answer : null) ?? undefined;
  }

  /** Nobody waits for its answer any more; one that was answered stays so. */
  takeBack(id: string): void {
    const known = this.#questions.get(id);
    if (known?.state === 'open') known.state = { answer: null, at: this.#now() };
  }

  /** Why an answer does not count. */
  fault({ question: id, option }: AnswerRequest): string | undefined {
    const known = this.#questions.get(id);
    if (!known) {
      const open = this.open.map((question) => question.id).join(', ');
      return `there is no question ${id}: ${open === '' ? 'none is open' : `open is ${open}`}`;
    }
    const past = this.#pastOf(known);
    if (past) return describePast(past);
    const options = known.question.options.map((each) => each.id);
    return options.includes(option) ? undefined : `${id} can be answered with ${options.join(', ')}`;
  }

  answer(of: AnswerRequest & Pick<Answered, 'at' | 'expired'>): Question {
    const { question: id, ...answered } = of;
    const known = this.#questions.get(id);
    if (!known) throw new Error(`there is no question ${id}`);
    known.state = { answer: answered, at: answered.at };
    return known.question;
  }

  /** An answer that could not be brought to its session counts for nothing. */
  reopen(id: string): void {
    const known = this.#questions.get(id);
    if (known) known.state = 'open';
  }

  /** The task that was blocked goes on, or ends, as somebody has said. */
  resolved({ action: option, by }: Resolution): void {
    this.#blockIsOver({ option, by, expired: false });
  }

  /** The task has ended: nobody waits for anything any more, and what is still told is asked of nobody. */
  end(): void {
    this.#endedAt = this.#now();
    this.#blockIsOver(null);
  }

  #blockIsOver(answer: PastQuestion['answer']): void {
    const { blocked, reason } = this.#view;
    if (!blocked) return;
    const past = { id: blockedItem(blocked.at), title: reason ?? '', answer, at: this.#now() };
    this.#pastBlocks = withPast(this.#pastBlocks, past);
  }

  #isOpen(known: Known): boolean {
    return this.#endOf(known) === undefined;
  }

  #pastOf(known: Known): PastQuestion | undefined {
    const end = this.#endOf(known);
    if (!end) return undefined;
    const { id, title } = known.question;
    const answer = end.answer && {
      option: end.answer.option,
      by: end.answer.by,
      expired: end.answer.expired,
    };
    return { id, title, answer, at: end.at };
  }

  #endOf({ question, state }: Known): Over | undefined {
    if (typeof state === 'object') return state;
    const at = this.#overSince(question);
    return at === undefined ? undefined : { answer: null, at };
  }

  #overSince({ session }: Question): number | undefined {
    const ended = this.#view.sessions.find(({ id }) => id === session);
    return ended?.endedAt ?? this.#endedAt;
  }
}

function isUnanswered({ state }: Known): boolean {
  return typeof state === 'object' && state.answer === null;
}
