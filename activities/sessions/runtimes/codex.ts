/** OpenAI's codex. */
import { join } from 'node:path';
import { z } from 'zod';
import { noUsage, type AgentEvent, type Effort, type Usage } from '../../../schema/contracts/agent.ts';
import { findWindows } from './codex-windows.ts';
import { failed, moreThan, parseLine, toolEvent, usageEvents } from './reading.ts';
import type { Launch, LineReader, Prepared, Runtime } from './runtime.ts';

const efforts: Record<Effort, string> = { low: 'low', medium: 'medium', high: 'high', max: 'max' };

const Item = z.object({
  id: z.string(),
  type: z.string(),
  text: z.string().optional(),
  command: z.string().optional(),
  query: z.string().optional(),
  server: z.string().optional(),
  tool: z.string().optional(),
  changes: z.array(z.object({ path: z.string() })).optional(),
});
type Item = z.infer<typeof Item>;

const Line = z.discriminatedUnion('type', [
  z.object({ type: z.literal('thread.started'), thread_id: z.string() }),
  z.object({ type: z.enum(['item.started', 'item.completed']), item: Item }),
  z.object({ type: z.literal('error'), message: z.string() }),
  z.object({ type: z.literal('turn.failed'), error: z.object({ message: z.string() }) }),
  z.object({
    type: z.literal('turn.completed'),
    usage: z.object({
      input_tokens: z.number(),
      cached_input_tokens: z.number(),
      output_tokens: z.number(),
    }),
  }),
]);

// Its own sandbox silently commits nothing in a linked worktree; ours is the agent's user and environment.
const unasked = { args: ['--dangerously-bypass-approvals-and-sandbox'], env: {} };

export const codex: Runtime = {
  version: { args: ['--version'], pattern: /codex-cli (\d+\.\d+\.\d+)/, from: '0.169.0', before: '1.0.0' },
  homeEnvironment: (home) => ({ CODEX_HOME: join(home, '.codex') }),
  unasked,
  prepare,
  createReader,
  complaints: { 'conversation-gone': /no rollout found for thread id/ },
  findWindows,
};

function prepare({ model, effort, conversation, settings }: Launch): Prepared {
  return {
    argv: [
      'codex',
      'exec',
      '--json',
      ...unasked.args,
      ...(model === undefined ? [] : ['--model', model]),
      ...(effort === undefined ? [] : ['--config', `model_reasoning_effort=${efforts[effort]}`]),
      ...settings.args,
      ...(conversation === undefined ? [] : ['resume', conversation]),
      '-',
    ],
    env: { ...unasked.env, ...settings.env },
    conversation,
  };
}

function createReader(counted: Usage = noUsage): LineReader {
  const tools = new Set<string>();
  let used = counted;
  let lastText = '';
  return (text) => {
    const line = parseLine(Line, text);
    switch (line?.type) {
      case undefined:
        return [];
      case 'thread.started':
        return [{ type: 'started', conversation: line.thread_id, model: null }];
      case 'item.started':
      case 'item.completed':
        return readItem(line.item, line.type === 'item.completed');
      case 'error':
        // The one that ends the turn is told again by `turn.failed`.
        return line.message.startsWith('Reconnecting...') ? [{ type: 'retry', message: line.message }] : [];
      case 'turn.failed':
        return [readFailure(line.error.message)];
      case 'turn.completed': {
        // The totals of the whole conversation, its earlier sessions included.
        const total: Usage = {
          inputTokens: line.usage.input_tokens,
          cachedTokens: line.usage.cached_input_tokens,
          outputTokens: line.usage.output_tokens,
          costUsd: null,
        };
        const usage = moreThan(used, total);
        used = total;
        return [...usageEvents(usage), { type: 'final', text: lastText }];
      }
    }
  };

  function readItem(item: Item, completed: boolean): AgentEvent[] {
    if (item.type === 'agent_message') {
      if (!completed || item.text === undefined) return [];
      lastText = item.text;
      return [{ type: 'text', text: item.text }];
    }
    const detail = toolDetail(item);
    // Most are told twice, at their start and at their end; a change of files only at its end.
    if (detail === undefined || tools.has(item.id)) return [];
    tools.add(item.id);
    return [toolEvent(item.type, detail)];
  }
}

function toolDetail(item: Item): string | undefined {
  if (item.changes) return item.changes.map(({ path }) => path).join(' ');
  if (item.tool !== undefined) return item.server === undefined ? item.tool : `${item.server}.${item.tool}`;
  return item.command ?? item.query;
}

function readFailure(message: string): AgentEvent {
  const status = /\bstatus:? (\d{3})\b/.exec(message)?.[1];
  return failed({ status: status === undefined ? null : Number(status), message, retryAt: retryAt(message) });
}

/** `try again at 7:06 PM.` today or tomorrow, else `try again at Nov 28th, 2026 4:46 PM.`, both in local time. */
function retryAt(message: string, now = Date.now()): number | null {
  const told = /try again at (?:(\w{3} \d+)(?:st|nd|rd|th), (\d{4}) )?(\d+:\d\d [AP]M)/.exec(message);
  if (!told) return null;
  const [, day, year, time = ''] = told;
  if (day !== undefined) return orNull(Date.parse(`${day}, ${year} ${time}`));
  const today = Date.parse(`${new Date(now).toDateString()} ${time}`);
  const oneDayMs = 86_400_000;
  // The minute is told without its seconds: one that has just begun is not tomorrow's.
  const oneMinuteMs = 60_000;
  return orNull(today + oneMinuteMs < now ? today + oneDayMs : today);
}

function orNull(time: number): number | null {
  return Number.isNaN(time) ? null : time;
}
