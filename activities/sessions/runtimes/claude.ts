/** Anthropic's claude, of the package claude-code. */
import { join } from 'node:path';
import { z } from 'zod';
import {
  noUsage,
  addUsage,
  type AgentEvent,
  type Effort,
  type QuotaWindow,
  type Usage,
} from '../../../schema/contracts/agent.ts';
import { conversationOf, failed, moreThan, parseLine, toolEvent, usageEvents } from './reading.ts';
import type { Launch, LineReader, Prepared, Runtime } from './runtime.ts';

const efforts: Record<Effort, string> = { low: 'low', medium: 'medium', high: 'high', max: 'max' };

const Used = z
  .object({
    input_tokens: z.number(),
    cache_creation_input_tokens: z.number(),
    cache_read_input_tokens: z.number(),
    output_tokens: z.number(),
  })
  .transform((used): Usage => ({
    inputTokens: used.input_tokens + used.cache_creation_input_tokens + used.cache_read_input_tokens,
    cachedTokens: used.cache_read_input_tokens,
    outputTokens: used.output_tokens,
    costUsd: null,
  }));

const UsedByModel = z
  .object({
    inputTokens: z.number(),
    cacheCreationInputTokens: z.number(),
    cacheReadInputTokens: z.number(),
    outputTokens: z.number(),
    costUSD: z.number(),
  })
  .transform((used): Usage => ({
    inputTokens: used.inputTokens + used.cacheCreationInputTokens + used.cacheReadInputTokens,
    cachedTokens: used.cacheReadInputTokens,
    outputTokens: used.outputTokens,
    costUsd: used.costUSD,
  }));

const Assistant = z.object({
  type: z.literal('assistant'),
  parent_tool_use_id: z.string().nullable(),
  is_api_error_message: z.boolean().optional(),
  error: z.string().optional(),
  message: z.object({
    id: z.string(),
    usage: Used,
    content: z.array(
      z.object({
        type: z.string(),
        text: z.string().optional(),
        id: z.string().optional(),
        name: z.string().optional(),
        input: z.unknown().optional(),
      }),
    ),
  }),
});
type Assistant = z.infer<typeof Assistant>;

/** What it calls faults that it has found without asking the model, such as a login that is missing. */
const statusOf = new Map([
  ['authentication_failed', 401],
  ['rate_limit', 429],
]);

const Result = z.object({
  type: z.literal('result'),
  is_error: z.boolean(),
  result: z.string().optional(),
  errors: z.array(z.string()).optional(),
  api_error_status: z.number().nullish(),
  usage: Used,
  model_usage_since_last_result: z.record(z.string(), UsedByModel).optional(),
});
type Result = z.infer<typeof Result>;

const Window = z.object({ utilization: z.number().optional(), resetsAt: z.number().optional() });

/** `rateLimitType` is the window that its status is about; those of one model alone have names of their own. */
const RateLimitInfo = Window.extend({
  status: z.string(),
  rateLimitType: z.string().optional(),
  unifiedWindows: z.object({ five_hour: Window.optional(), seven_day: Window.optional() }).optional(),
});
type RateLimitInfo = z.infer<typeof RateLimitInfo>;

const Line = z.union([
  Assistant,
  Result,
  z.object({
    type: z.literal('system'),
    subtype: z.literal('init'),
    session_id: z.string(),
    model: z.string(),
  }),
  z.object({
    type: z.literal('system'),
    subtype: z.literal('api_retry'),
    error_status: z.number().nullable(),
    error: z.string(),
  }),
  z.object({ type: z.literal('rate_limit_event'), rate_limit_info: RateLimitInfo }),
]);

const windowNames = [
  ['5h', 'five_hour'],
  ['7d', 'seven_day'],
] as const;

const unasked = {
  args: ['--dangerously-skip-permissions'],
  // As root it refuses to work without permissions, unless it is told that it stands in a sandbox.
  env: { IS_SANDBOX: '1', DISABLE_AUTOUPDATER: '1' },
};

export const claude: Runtime = {
  version: {
    args: ['--version'],
    pattern: /(\d+\.\d+\.\d+) \(Claude Code\)/,
    from: '2.1.330',
    before: '3.0.0',
  },
  homeEnvironment: (home) => ({ CLAUDE_CONFIG_DIR: join(home, '.claude') }),
  unasked,
  prepare,
  createReader,
  complaints: { 'conversation-gone': /No conversation found with session ID/ },
};

function prepare({ sessionId, model, effort, conversation, settings }: Launch): Prepared {
  const id = conversation ?? conversationOf(sessionId);
  return {
    argv: [
      'claude',
      '--print',
      '--output-format',
      'stream-json',
      '--verbose',
      ...unasked.args,
      ...(conversation === undefined ? ['--session-id', id] : ['--resume', id]),
      ...(model === undefined ? [] : ['--model', model]),
      ...(effort === undefined ? [] : ['--effort', efforts[effort]]),
      ...settings.args,
    ],
    env: { ...unasked.env, ...settings.env },
    conversation: id,
  };
}

function createReader(): LineReader {
  const messages = new Set<string>();
  let started = false;
  let countedSinceResult = noUsage;
  let retryAt: number | null = null;
  let failure: string | undefined;
  return (text) => {
    const line = parseLine(Line, text);
    switch (line?.type) {
      case undefined:
        return [];
      case 'assistant':
        return readMessage(line);
      case 'result':
        return readResult(line);
      case 'rate_limit_event': {
        const { status, resetsAt } = line.rate_limit_info;
        if (status === 'rejected' && resetsAt !== undefined) retryAt = resetsAt * 1_000;
        return windowEvents(line.rate_limit_info);
      }
      case 'system':
        if (line.subtype === 'api_retry') {
          return [{ type: 'retry', message: `${line.error} ${line.error_status ?? ''}`.trim() }];
        }
        // It begins anew, with the same words, when a command in the background wakes it.
        if (started) return [];
        started = true;
        return [{ type: 'started', conversation: line.session_id, model: line.model }];
    }
  };

  function readMessage(line: Assistant): AgentEvent[] {
    const { message, parent_tool_use_id } = line;
    failure = line.error;
    // The result says it again, with more.
    if (line.is_api_error_message) return [];
    const events: AgentEvent[] = [];
    // A message is told once for each of its parts, each time with the same usage.
    if (!messages.has(message.id)) {
      messages.add(message.id);
      countedSinceResult = addUsage(countedSinceResult, message.usage);
      events.push(...usageEvents(message.usage));
    }
    for (const part of message.content) {
      if (part.name !== undefined) events.push(toolEvent(part.name, part.input ?? ''));
      if (part.text !== undefined && parent_tool_use_id === null)
        events.push({ type: 'text', text: part.text });
    }
    return events;
  }

  /**
   * Messages are told before they are complete, and those of helpers not at all: the result has what they came to.
   * Its `total_cost_usd` and `modelUsage` are the whole conversation's, earlier sessions included.
   */
  function readResult(result: Result): AgentEvent[] {
    const byModel = Object.values(result.model_usage_since_last_result ?? {});
    const total = byModel.length === 0 ? result.usage : byModel.reduce(addUsage);
    const usage = moreThan(countedSinceResult, total);
    countedSinceResult = noUsage;
    return [...usageEvents(usage), conclude(result)];
  }

  /** `subtype` says success whatever has happened. */
  function conclude({ is_error, result, errors, api_error_status }: Result): AgentEvent {
    const message = result ?? errors?.join(' ') ?? '';
    if (!is_error) return { type: 'final', text: message };
    const status = api_error_status ?? statusOf.get(failure ?? '') ?? null;
    return failed({ status, message, retryAt });
  }
}

function windowEvents(info: RateLimitInfo): AgentEvent[] {
  const { unifiedWindows = {} } = info;
  const windows = windowNames.flatMap(([window, name]): QuotaWindow[] => {
    const isClosed = info.rateLimitType === name && info.status === 'rejected';
    const told = info.rateLimitType === name ? info : unifiedWindows[name];
    if (!told) return [];
    // A refusal that has no figure is for a window that is used up.
    const { utilization = isClosed ? 1 : undefined, resetsAt } = { ...unifiedWindows[name], ...told };
    return [
      {
        window,
        usedPercent: utilization === undefined ? null : percent(utilization),
        resetsAt: resetsAt === undefined ? null : resetsAt * 1_000,
      },
    ];
  });
  return windows.length === 0 ? [] : [{ type: 'windows', windows }];
}

/** A fraction of one with two digits or more: without the tail that the product would have. */
function percent(utilization: number): number {
  return Math.round(utilization * 10_000) / 100;
}
