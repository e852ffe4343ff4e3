/** What the readers of all runtimes share. */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import type { AgentEvent, ModelFault, Usage } from '../../../schema/contracts/agent.ts';

/** Enough to see what a tool was asked to do; whole files are among the arguments. */
const longestDetail = 500;

/** A line of the program's own; undefined for any other, such as half a line of a killed program. */
export function parseLine<T>(schema: z.ZodType<T>, line: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

export function classify(of: { status: number | null; message: string }): ModelFault {
  if (of.status === 401 || of.status === 403) return 'auth';
  if (of.status === 429) return 'rate-limited';
  return /usage limit|rate limit|quota exceeded/i.test(of.message) ? 'rate-limited' : 'model-error';
}

export function failed(of: { status: number | null; message: string; retryAt?: number | null }): AgentEvent {
  const { message, retryAt = null } = of;
  return { type: 'error', fault: classify(of), message, retryAt };
}

export function toolEvent(name: string, detail: unknown): AgentEvent {
  const text = typeof detail === 'string' ? detail : JSON.stringify(detail);
  return { type: 'tool', name, detail: text.slice(0, longestDetail) };
}

/** Nothing is told of an answer that has cost nothing, such as one that failed. */
export function usageEvents(usage: Usage): AgentEvent[] {
  return usage.inputTokens === 0 && usage.outputTokens === 0 ? [] : [{ type: 'usage', usage }];
}

/** What `total` has more than `counted`. Never less than nothing: a program may start its totals anew. */
export function moreThan(counted: Usage, total: Usage): Usage {
  return {
    inputTokens: Math.max(0, total.inputTokens - counted.inputTokens),
    cachedTokens: Math.max(0, total.cachedTokens - counted.cachedTokens),
    outputTokens: Math.max(0, total.outputTokens - counted.outputTokens),
    costUsd: total.costUsd === null ? null : Math.max(0, total.costUsd - (counted.costUsd ?? 0)),
  };
}

/** Programs tell a cost of nothing for models whose price they don't know. */
export function toldCost(cost: number): number | null {
  return cost > 0 ? cost : null;
}

/** A session's id in the only form that all programs take for a conversation's: the same UUID for the same session. */
export function conversationOf(sessionId: string): string {
  const hex = createHash('sha256').update(sessionId).digest('hex');
  // The two fixed digits of a UUID that is made from a name (RFC 9562, version 5).
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
