/** What an agent asks of a person while it works, and what it is answered. */
import { z } from 'zod';
import { Name } from './names.ts';

/** As agents name them, so nothing is known of their form. */
const OptionId = z.string().min(1).max(200);

export const QuestionOption = z.object({ id: OptionId, name: z.string() });
export type QuestionOption = z.infer<typeof QuestionOption>;

export const Question = z.object({
  /** No two of a task have the same. */
  id: Name,
  session: z.string(),
  /** What the agent wants to do, in its own words and shortened. */
  title: z.string(),
  /** The command, where it wants to run one. */
  detail: z.string().nullable(),
  options: z.array(QuestionOption),
  /** In milliseconds since 1970. */
  at: z.number(),
});
export type Question = z.infer<typeof Question>;

/** What a session's supervisor tells the task. It may tell the same again, and late. */
export const QuestionNews = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('asked'), question: Question }),
  /** It was answered, or the agent has taken it back. */
  z.object({ kind: z.literal('over'), id: Name }),
]);
export type QuestionNews = z.infer<typeof QuestionNews>;

/** A person's answer: one of the options. */
export const AnswerRequest = z.object({ question: Name, option: OptionId, by: Name });
export type AnswerRequest = z.infer<typeof AnswerRequest>;
