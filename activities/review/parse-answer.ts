import { z } from 'zod';
import { ReviewAnswer } from '../../schema/contracts/review.ts';

export type ParsedAnswer<Answer = ReviewAnswer> =
  { kind: 'answer'; answer: Answer } | { kind: 'malformed'; reason: string };

export function parseAnswer(output: string | undefined): ParsedAnswer {
  return parseAs(ReviewAnswer, output);
}

/** The whole of the output is one JSON object: text around it could be somebody else's verdict. */
export function parseAs<Answer>(form: z.ZodType<Answer>, output: string | undefined): ParsedAnswer<Answer> {
  if (output === undefined) return { kind: 'malformed', reason: 'there is no answer, or one over 256 KiB' };
  let json: unknown;
  try {
    json = JSON.parse(output);
  } catch {
    return { kind: 'malformed', reason: 'the output is not one JSON object' };
  }
  const parsed = form.safeParse(json);
  if (parsed.success) return { kind: 'answer', answer: parsed.data };
  return { kind: 'malformed', reason: z.prettifyError(parsed.error).slice(0, 1_000) };
}
