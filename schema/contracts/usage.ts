/** What agents have used up, summed for whoever pays. */
import { z } from 'zod';

/** What a sum is made for. */
export const UsageBy = z.enum(['mission', 'task', 'session', 'runtime']);
export type UsageBy = z.infer<typeof UsageBy>;

export const UsageSum = z.object({
  sessions: z.int(),
  /** All tokens that models read, those from a cache too. */
  inputTokens: z.int(),
  cachedTokens: z.int(),
  outputTokens: z.int(),
  /** What programs have told of money; null where none of them has. */
  costUsd: z.number().nullable(),
  /** Sessions that used tokens and did not tell what these cost. */
  unpriced: z.int(),
  /** The time that sessions took, side by side or not. */
  seconds: z.number(),
});
export type UsageSum = z.infer<typeof UsageSum>;

/** One sum. What it was not made for is null. */
export const UsageRow = UsageSum.extend({
  mission: z.string().nullable(),
  task: z.string().nullable(),
  session: z.string().nullable(),
  runtime: z.string().nullable(),
  model: z.string().nullable(),
  outcome: z.string().nullable(),
});
export type UsageRow = z.infer<typeof UsageRow>;

/** The rows that used most, and the sum over all, those too that are not shown. */
export const UsageReport = z.object({
  by: UsageBy,
  rows: z.array(UsageRow),
  /** How many rows there are beside those shown. */
  more: z.int(),
  total: UsageSum,
});
export type UsageReport = z.infer<typeof UsageReport>;
