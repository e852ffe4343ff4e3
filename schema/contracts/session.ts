import { z } from 'zod';
import { ModelFault, QuotaWindow, Usage } from './agent.ts';
import { Name } from './names.ts';

/**
 * How a session ended, judged by the engine and not by the agent's own report.
 * `exited` has the program's code; `lost` means that the runner is gone and left no result.
 */
export const SessionEnd = z.enum([
  'exited',
  'timed-out',
  'stalled',
  'flooded',
  'stopped',
  'unstartable',
  /** Its host had no word from the Temporal server for so long that the work may have been given to another. */
  'lease-ran-out',
  /** Its clone and its home had grown above what a session may take. */
  'disk',
  'lost',
]);
export type SessionEnd = z.infer<typeof SessionEnd>;

/**
 * What an agent's session came to, by its own output: a claim, for the delivery gate to judge. `no-change` has used no
 * tool. Sessions of scripts and commands have none.
 */
export const SessionOutcome = z.enum([
  'done',
  'no-change',
  ...ModelFault.options,
  'stalled',
  'killed',
  'lost',
  /** Ended by the engine: what it was allowed is used up. */
  'over-budget',
  'disk',
]);
export type SessionOutcome = z.infer<typeof SessionOutcome>;

/** What only sessions of agents have. */
export const AgentReport = z.object({
  outcome: SessionOutcome,
  /** The agent's last word, or what went wrong; shortened. */
  message: z.string(),
  /** Which model worked, where it was named or told. Missing from sessions of before it was kept. */
  model: z.string().nullable().optional(),
  /** The conversation that a later session can go on with. */
  conversation: z.string().nullable(),
  usage: Usage,
  /** When a rate limit's window opens again, in milliseconds since 1970, where that was told. */
  retryAt: z.number().nullable(),
  /** Of its account, at its end; only those that its program has told. */
  windows: z.array(QuotaWindow).optional(),
  /** Of the program, where it has told one. */
  version: z.string().optional(),
});
export type AgentReport = z.infer<typeof AgentReport>;

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
  /** Why the engine has ended it, with its figures, where its end does not say it. */
  reason: z.string().optional(),
  agent: AgentReport.optional(),
  /** Whose limits it used. Missing where that was not asked before its launch. */
  account: Name.optional(),
  /** It found its account closed until then, in milliseconds since 1970. */
  closedUntil: z.number().optional(),
});
export type SessionSummary = z.infer<typeof SessionSummary>;
