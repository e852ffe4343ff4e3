import { z } from 'zod';

const Counts = {
  /** Missions and tasks that were brought up to date, sessions and reviews that were added. */
  rows: z.number(),
  /** Events that were added. */
  events: z.number(),
};
const Place = { mission: z.string(), done: z.number(), of: z.number() };

/** What a rebuild of the read model tells: a mission each, then the sum. */
export const RebuildStep = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('rebuilt'), ...Place, ...Counts }),
  z.object({ kind: z.literal('failed'), ...Place, reason: z.string() }),
  z.object({ kind: z.literal('end'), missions: z.number(), failed: z.number(), ...Counts }),
]);
export type RebuildStep = z.infer<typeof RebuildStep>;
