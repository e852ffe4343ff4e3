import { z } from 'zod';

/**
 * How a session ended, judged by the engine and not by the agent's own report.
 * `exited` has the program's code; `lost` means that the runner is gone and left no result.
 */
export const SessionEnd = z.enum(['exited', 'timed-out', 'flooded', 'stopped', 'unstartable', 'lost']);
export type SessionEnd = z.infer<typeof SessionEnd>;

export const SessionRole = z.string().regex(/^(?:author|review-[A-Za-z0-9_-]+)$/);

/** One run of an agent, as it stands in the record. */
export const SessionSummary = z.object({
  id: z.string(),
  role: SessionRole,
  runtime: z.string(),
  host: z.string(),
  end: SessionEnd,
  exitCode: z.number().nullable(),
  startedAt: z.number(),
  endedAt: z.number(),
});
export type SessionSummary = z.infer<typeof SessionSummary>;
