/** What a sweep of a host is asked for, and what it tells. Sizes in bytes, times in milliseconds since 1970. */
import { z } from 'zod';
import { Name } from './names.ts';

export interface SweepInput {
  installation: string;
  host: string;
  /** Looks, and changes nothing. */
  dryRun: boolean;
}

/**
 * `ended`: a run that nobody owned. `emptied`: a run's output was replaced by a note. `removed`: a folder. `unreferenced`:
 * refs of a mirror. `packed`: a mirror. `tidied`: branch and pull request on the local forge. `failed`: see `why`.
 */
export const SweepAction = z.enum([
  'ended',
  'emptied',
  'removed',
  'unreferenced',
  'packed',
  'tidied',
  'failed',
]);
export type SweepAction = z.infer<typeof SweepAction>;

export const SweepItem = z.object({
  action: SweepAction,
  /** A path in the data directory, or a branch. */
  what: z.string(),
  why: z.string(),
  bytes: z.number(),
});
export type SweepItem = z.infer<typeof SweepItem>;

export const SweepReport = z.object({
  host: z.string(),
  dryRun: z.boolean(),
  startedAt: z.number(),
  endedAt: z.number(),
  /** How often each thing was done; in a dry run, would have been. */
  counts: z.record(SweepAction, z.number()),
  freedBytes: z.number(),
  /** What runs take that are still there, and what `keep.gigabytes` allows. */
  runs: z.object({ bytes: z.number(), allowedBytes: z.number() }),
  disk: z.object({ freeBytes: z.number(), isShort: z.boolean() }),
  /** Tasks that were left alone since Temporal and the database do not agree on them. */
  doubtful: z.array(z.string()),
  /** The first 200. */
  items: z.array(SweepItem),
});
export type SweepReport = z.infer<typeof SweepReport>;

export const SweepRequest = z.strictObject({ host: Name.optional(), dryRun: z.boolean().optional() });
export type SweepRequest = z.infer<typeof SweepRequest>;

/** One sweep as the API tells of it. */
export const Sweep = z.object({
  id: z.string(),
  host: z.string(),
  state: z.enum(['running', 'done', 'failed']),
  startedAt: z.number(),
  report: SweepReport.nullable(),
});
export type Sweep = z.infer<typeof Sweep>;

export const Sweeps = z.object({ sweeps: z.array(Sweep) });
export type Sweeps = z.infer<typeof Sweeps>;
