/** Agents: the programs that do a task's work, what they tell while they run, and what came of it. */
import { z } from 'zod';
import { Name } from './names.ts';
import { Question } from './question.ts';

/**
 * The programs of coding agents, in the order in which one is taken when a mission names none. The makers' own programs
 * come first: the others may be set to a model of Claude, which outside of its own program is for those who ask for it.
 */
export const agentRuntimes = ['codex', 'claude', 'pi', 'opencode'] as const;

export const AgentRuntime = z.enum(agentRuntimes);
export type AgentRuntime = z.infer<typeof AgentRuntime>;

/** Everything else that a task names as its runtime is an agent. */
export function isAgent<P extends { runtime?: string | undefined }>(
  program: P,
): program is Exclude<P, { runtime: 'script' | 'command' }> {
  return program.runtime !== 'script' && program.runtime !== 'command';
}

/** Who works: one of those programs, or with `acp` an agent of the roster's that speaks the Agent Client Protocol. */
export const SessionRuntime = z.enum([...agentRuntimes, 'acp']);
export type SessionRuntime = z.infer<typeof SessionRuntime>;

/** How hard a model is to think. Each runtime has names of its own for these. */
export const Effort = z.enum(['low', 'medium', 'high', 'max']);
export type Effort = z.infer<typeof Effort>;

/**
 * Which agent works, with which model, and how hard it thinks: of a mission, a milestone or a task. What an inner one
 * does not say is taken from the outer.
 */
export const agentChoiceFields = {
  runtime: SessionRuntime.optional(),
  /** Of the runtime `acp`: which of the roster's agents. */
  agent: Name.optional(),
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
export type ChosenAgent = AgentChoice & { runtime: SessionRuntime };

/** Reads the choices from the outermost on. A model belongs to its agent: another does not inherit it. */
export function chooseAgent(outermost: ChosenAgent, ...inner: readonly AgentChoice[]): ChosenAgent {
  return inner.reduce<ChosenAgent>((outer, { runtime = outer.runtime, effort = outer.effort, ...own }) => {
    const agent = own.agent ?? (runtime === outer.runtime ? outer.agent : undefined);
    const isSame = runtime === outer.runtime && agent === outer.agent;
    const model = own.model ?? (isSame ? outer.model : undefined);
    return {
      runtime,
      ...(agent === undefined ? {} : { agent }),
      ...(model === undefined ? {} : { model }),
      ...(effort === undefined ? {} : { effort }),
    };
  }, outermost);
}

/** Names what a session runs: a runtime, or an agent of the roster's as `acp:NAME`. */
export const RuntimeName = z
  .string()
  .regex(/^(?:acp:)?[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'a runtime is called by its name, or acp:NAME');
export type RuntimeName = z.infer<typeof RuntimeName>;

/** Conversations and quotas belong to whoever has this name, and hosts tell by it what they have. */
export function runtimeName(program: { runtime: string; agent?: string | undefined }): RuntimeName {
  return program.agent === undefined ? program.runtime : `${program.runtime}:${program.agent}`;
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
  /** `conversation` is the runtime's own id, by which it can be taken up again; null where it can't be. */
  z.object({
    type: z.literal('started'),
    conversation: z.string().nullable(),
    model: z.string().nullable(),
    /** Of the agent, where it tells it by itself. */
    version: z.string().optional(),
  }),
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
  /** It waits for a person's answer. */
  z.object({ type: z.literal('question'), question: Question }),
  /** It waits no longer. */
  z.object({ type: z.literal('question-over'), id: z.string() }),
  /** The agent's last word. A claim: what it did is judged by git and the checks. */
  z.object({ type: z.literal('final'), text: z.string() }),
]);
export type AgentEvent = z.infer<typeof AgentEvent>;
