import { z } from 'zod';
import { ReviewAnswer } from '../../schema/contracts/review.ts';

export type ParsedAnswer = { kind: 'answer'; answer: ReviewAnswer } | { kind: 'malformed'; reason: string };

/** A reviewer's whole standard output is one JSON object: text around it could be somebody else's verdict. */
export function parseAnswer(output: string): ParsedAnswer {
  let json: unknown;
  try {
    json = JSON.parse(output);
  } catch {
    return { kind: 'malformed', reason: 'the output is not one JSON object' };
  }
  const parsed = ReviewAnswer.safeParse(json);
  if (parsed.success) return { kind: 'answer', answer: parsed.data };
  return { kind: 'malformed', reason: z.prettifyError(parsed.error).slice(0, 1_000) };
}
