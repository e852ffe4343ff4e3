/** Agents: the programs that do a task's work, what they tell while they run, and what came of it. */
import { z } from 'zod';

/**
 * The programs of coding agents, in the order in which one is taken when a mission names none. The makers' own programs
 * come first: the others may be set to a model of Claude, which outside of its own program is for those who ask for it.
 */
export const agentRuntimes = ['codex', 'claude', 'pi', 'opencode'] as const;

export const AgentRuntime = z.enum(agentRuntimes);
export type AgentRuntime = z.infer<typeof AgentRuntime>;

/** How hard a model is to think. Each runtime has names of its own for these. */
export const Effort = z.enum(['low', 'medium', 'high', 'max']);
export type Effort = z.infer<typeof Effort>;

/**
 * Which agent works, with which model, and how hard it thinks: of a mission, a milestone or a task. What an inner one
 * does not say is taken from the outer.
 */
export const agentChoiceFields = {
  runtime: AgentRuntime.optional(),
  /** As the runtime names it. It reaches a command line, so it can't look like an option. */
  model: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$/, 'a model begins with a letter or digit and has no spaces')
    .max(200)
    .optional(),
  effort: Effort.optional(),
};
export const AgentChoice = z.object(agentChoiceFields);
export type AgentChoice = z.infer<typeof AgentChoice>;

/** A choice that is made. */
export type ChosenAgent = AgentChoice & { runtime: AgentRuntime };

/** Reads the choices from the outermost on. A model belongs to its runtime: another runtime does not inherit it. */
export function chooseAgent(outermost: ChosenAgent, ...inner: readonly AgentChoice[]): ChosenAgent {
  return inner.reduce<ChosenAgent>((outer, { runtime = outer.runtime, model, effort = outer.effort }) => {
    const chosen = model ?? (runtime === outer.runtime ? outer.model : undefined);
    return {
      runtime,
      ...(chosen === undefined ? {} : { model: chosen }),
      ...(effort === undefined ? {} : { effort }),
    };
  }, outermost);
}

/** What was used up: tokens, and money where the program tells of it. */
export const Usage = z.object({
  /** All tokens that the model read, those from a cache too. */
  inputTokens: z.number(),
  cachedTokens: z.number(),
  outputTokens: z.number(),
  costUsd: z.number().nullable(),
});
export type Usage = z.infer<typeof Usage>;

export const noUsage: Usage = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, costUsd: null };

export function addUsage(one: Usage, other: Usage): Usage {
  const unpriced = one.costUsd === null && other.costUsd === null;
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    cachedTokens: one.cachedTokens + other.cachedTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    costUsd: unpriced ? null : (one.costUsd ?? 0) + (other.costUsd ?? 0),
  };
}

/** What stands between a session and its model. */
export const ModelFault = z.enum(['model-error', 'auth', 'rate-limited']);
export type ModelFault = z.infer<typeof ModelFault>;

/**
 * How much of a rate limit's window an account has used, as its program tells it. Use outside of the engine is in it:
 * the figure is the account's own. What was not told is null.
 */
export const QuotaWindow = z.object({
  window: z.enum(['5h', '7d']),
  usedPercent: z.number().nullable(),
  /** In milliseconds since 1970. */
  resetsAt: z.number().nullable(),
});
export type QuotaWindow = z.infer<typeof QuotaWindow>;

/** What an agent tells while it runs, in one vocabulary for all runtimes. */
export const AgentEvent = z.discriminatedUnion('type', [
  /** `conversation` is the runtime's own id, by which it can be taken up again. */
  z.object({ type: z.literal('started'), conversation: z.string(), model: z.string().nullable() }),
  z.object({ type: z.literal('tool'), name: z.string(), detail: z.string() }),
  z.object({ type: z.literal('text'), text: z.string() }),
  /** What was used since the last such event: a session's usage is their sum. */
  z.object({ type: z.literal('usage'), usage: Usage }),
  z.object({ type: z.literal('windows'), windows: z.array(QuotaWindow) }),
  /** The runtime tries again by itself. */
  z.object({ type: z.literal('retry'), message: z.string() }),
  /** `retryAt`, in milliseconds since 1970: when the window of a rate limit opens again, where that is told. */
  z.object({
    type: z.literal('error'),
    fault: ModelFault,
    message: z.string(),
    retryAt: z.number().nullable(),
  }),
  /** The agent's last word. A claim: what it did is judged by git and the checks. */
  z.object({ type: z.literal('final'), text: z.string() }),
]);
export type AgentEvent = z.infer<typeof AgentEvent>;
