/** What a person is asked, by an agent while it works or by the engine itself, and what it is answered. */
import { z } from 'zod';
import { Name } from './names.ts';

/** As agents name them, so nothing is known of their form. */
export const OptionId = z.string().min(1).max(200);

export const QuestionOption = z.object({ id: OptionId, name: z.string() });
export type QuestionOption = z.infer<typeof QuestionOption>;

/** For what a person is asked at all. Whatever is none of these is decided, and told. */
export const EscalationKind = z.enum([
  /** A login or an access is missing. */
  'credentials',
  /** A budget can't be kept. */
  'budget',
  /** It can't be undone. */
  'irreversible',
  /** A law or a rule of security says no, or it is not known what it says. */
  'law',
  /** Aims contradict each other. */
  'conflict',
  /** What could be tried was tried. */
  'remediation',
]);
export type EscalationKind = z.infer<typeof EscalationKind>;

export const Question = z.object({
  /** No two of a task have the same. */
  id: Name,
  /** Of the agent that asks; null where the engine does. */
  session: z.string().nullable(),
  /** Why the engine asks. Missing where an agent asks for leave. */
  kind: EscalationKind.optional(),
  /** What is wanted: of an agent in its own words and shortened. */
  title: z.string(),
  /** What one has to know for the answer; of an agent the command, where it wants to run one. */
  detail: z.string().nullable(),
  options: z.array(QuestionOption),
  /** In milliseconds since 1970. */
  at: z.number(),
  /** When `default` is taken, in milliseconds since 1970. Missing: it is waited for an answer, however long. */
  expiresAt: z.number().optional(),
  /** The option that the policy takes then. */
  default: OptionId.optional(),
});
export type Question = z.infer<typeof Question>;

/** What a person was asked, and is asked no more. */
export const PastQuestion = z.object({
  /** As in the ids of the inbox: a question's own, `blocked-` or `paused-` with the time. */
  id: z.string(),
  /** What was asked, shortened. */
  title: z.string(),
  /** Null: it was over before anybody had answered. `expired`: the policy has. */
  answer: z.object({ option: OptionId, by: z.string(), expired: z.boolean() }).nullable(),
  /** When it was answered, or over, in milliseconds since 1970. */
  at: z.number(),
});
export type PastQuestion = z.infer<typeof PastQuestion>;

/** A block as the inbox names it within its task: each is another one. */
export function blockedItem(since: number): string {
  return `blocked-${since}`;
}

/** A pause as the inbox names it within its mission. */
export function pausedItem(since: number): string {
  return `paused-${since}`;
}

/** Enough for whoever answers late, and little enough to go with each report of a task. */
const pastKept = 20;
const longestTitle = 300;

/** With one more that is over. */
export function withPast(past: readonly PastQuestion[], over: PastQuestion): PastQuestion[] {
  const title = over.title.length > longestTitle ? `${over.title.slice(0, longestTitle)}…` : over.title;
  return [...past, { ...over, title }].slice(-pastKept);
}

/** To whoever answers it now. */
export function describePast({ id, title, answer, at }: PastQuestion): string {
  const when = new Date(at).toISOString();
  if (answer === null) return `${id} is over since ${when}, without an answer; it asked: ${title}`;
  const { option, by, expired } = answer;
  if (expired) return `${id} has expired at ${when}: ${option} was taken by policy; it asked: ${title}`;
  return `${id} was answered already: ${option} by ${by} at ${when}; it asked: ${title}`;
}

/** What a session's supervisor tells the task. It may tell the same again, and late. */
export const QuestionNews = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('asked'), question: Question }),
  /** It was answered, or the agent has taken it back. */
  z.object({ kind: z.literal('over'), id: Name }),
]);
export type QuestionNews = z.infer<typeof QuestionNews>;

/** A person's answer: one of the options, and a word on it for the record. */
export const AnswerRequest = z.object({
  question: Name,
  option: OptionId,
  by: Name,
  note: z.string().max(4_000).optional(),
});
export type AnswerRequest = z.infer<typeof AnswerRequest>;

const day = 24 * 60 * 60;

/** What becomes of a question that nobody answers. */
export const QuestionPolicy = z.strictObject({
  /**
   * How long a person is left alone before the first reminder, of questions, blocked tasks, go-aheads and a red base. Each
   * pause is twice as long as the one before, up to a day. Without it: nobody is reminded.
   */
  remindSeconds: z
    .int()
    .min(10)
    .max(30 * day)
    .optional(),
  /** After which `default` is taken. Without it, and where `default` does not fit: it is waited for an answer. */
  expireSeconds: z
    .int()
    .min(10)
    .max(365 * day)
    .optional(),
  /**
   * The option that is taken then, for each kind of question; `permission` is what agents ask. There is none for a law,
   * nor for what can't be undone: these are for a person, whatever the policy says.
   */
  default: z
    .strictObject({
      permission: OptionId.optional(),
      credentials: OptionId.optional(),
      budget: OptionId.optional(),
      conflict: OptionId.optional(),
      remediation: OptionId.optional(),
    })
    .optional(),
});
export type QuestionPolicy = z.infer<typeof QuestionPolicy>;
