/** What a task or a mission may use, and what it has used. */
import { z } from 'zod';

/** Limits; what is not named is not limited. */
export const Budget = z
  .strictObject({
    /** All that models read and write, what comes from a cache too. */
    tokens: z.int().min(1).max(1_000_000_000_000).optional(),
    /** Only what programs tell of money counts. */
    costUsd: z.number().positive().max(1_000_000).optional(),
    /** The time of sessions and reviews, side by side or not; waiting costs none. */
    minutes: z.int().min(1).max(1_000_000).optional(),
    /** Author sessions. */
    sessions: z.int().min(1).max(100_000).optional(),
  })
  .refine((budget) => Object.keys(budget).length > 0, 'nothing is limited');
export type Budget = z.infer<typeof Budget>;

export const Used = z.object({
  tokens: z.number(),
  costUsd: z.number(),
  minutes: z.number(),
  sessions: z.number(),
});
export type Used = z.infer<typeof Used>;

/** What a task tells its mission: all that it has used so far. */
export const UsedByTask = z.object({ task: z.string(), used: Used });
export type UsedByTask = z.infer<typeof UsedByTask>;
