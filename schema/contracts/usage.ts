/** What agents have used up, summed for whoever pays. */
import { z } from 'zod';
import { QuotaWindow } from './agent.ts';

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

/**
 * The newest that a session has told of a window of its account. A figure of the account itself: what was used outside
 * of the engine, or by another tenant of it, is in it.
 */
export const AccountWindow = QuotaWindow.extend({
  account: z.string(),
  /** In milliseconds since 1970; null: no session of the last eight days has told of this window. */
  toldAt: z.number().nullable(),
});
export type AccountWindow = z.infer<typeof AccountWindow>;

/** The rows that used most, and the sum over all, those too that are not shown. */
export const UsageReport = z.object({
  by: UsageBy,
  rows: z.array(UsageRow),
  /** How many rows there are beside those shown. */
  more: z.int(),
  total: UsageSum,
  /** Of each account that agents have used in the last eight days, whatever the sums are of. */
  windows: z.array(AccountWindow),
});
export type UsageReport = z.infer<typeof UsageReport>;
