/** pi, of the package pi-coding-agent. */
import { join } from 'node:path';
import { z } from 'zod';
import type { AgentEvent, Effort, Usage } from '../../../schema/contracts/agent.ts';
import { readConversationFile } from './conversation-file.ts';
import { conversationOf, failed, parseLine, toldCost, toolEvent, usageEvents } from './reading.ts';
import type { ConversationNotes, Launch, LineReader, Prepared, Runtime } from './runtime.ts';

const efforts: Record<Effort, string> = { low: 'low', medium: 'medium', high: 'high', max: 'max' };

const Used = z
  .object({
    input: z.number(),
    output: z.number(),
    cacheRead: z.number(),
    cacheWrite: z.number(),
    cost: z.object({ total: z.number() }),
  })
  .transform((used): Usage => ({
    inputTokens: used.input + used.cacheRead + used.cacheWrite,
    cachedTokens: used.cacheRead,
    outputTokens: used.output,
    costUsd: toldCost(used.cost.total),
  }));

const untold = 'it ended with an error that it does not tell';

const Assistant = z.object({
  role: z.literal('assistant'),
  content: z.array(z.object({ type: z.string(), text: z.string().optional() })),
  usage: Used,
  stopReason: z.string(),
  errorMessage: z.string().optional(),
});
type Assistant = z.infer<typeof Assistant>;

const Line = z.discriminatedUnion('type', [
  z.object({ type: z.literal('session'), id: z.string() }),
  z.object({ type: z.literal('tool_execution_start'), toolName: z.string(), args: z.unknown() }),
  z.object({ type: z.literal('message_end'), message: Assistant }),
  z.object({ type: z.literal('compaction_end'), result: z.object({ usage: Used }) }),
  z.object({ type: z.literal('auto_retry_start'), errorMessage: z.string() }),
  z.object({ type: z.literal('agent_settled') }),
]);

const unasked = { args: [], env: { PI_SKIP_VERSION_CHECK: '1', PI_TELEMETRY: '0' } };

export const pi: Runtime = {
  version: { args: ['--version'], pattern: /^(\d+\.\d+\.\d+)/, from: '0.87.1', before: '1.0.0' },
  homeEnvironment: (home) => ({ PI_CODING_AGENT_DIR: join(home, '.pi', 'agent') }),
  unasked,
  prepare,
  createReader,
  complaints: { auth: /No API key found/, 'model-error': /Model ".*" not found/ },
};

/**
 * It takes an id that we choose, and begins a conversation where it knows none of that id. So one that was killed
 * before its first answer, of which it keeps nothing, is begun afresh by the very same command.
 */
function prepare({ sessionId, model, effort, conversation, settings }: Launch): Prepared {
  const id = conversation ?? conversationOf(sessionId);
  return {
    argv: [
      'pi',
      '--print',
      '--mode',
      'json',
      '--session-id',
      id,
      ...(model === undefined ? [] : ['--model', model]),
      ...(effort === undefined ? [] : ['--thinking', efforts[effort]]),
      ...settings.args,
    ],
    env: { ...unasked.env, ...settings.env },
    conversation: id,
  };
}

function createReader(): LineReader {
  let lastText = '';
  let failure: string | undefined;
  return (text) => {
    const line = parseLine(Line, text);
    switch (line?.type) {
      case undefined:
        return [];
      case 'session':
        return [{ type: 'started', conversation: line.id, model: null }];
      case 'tool_execution_start':
        return [toolEvent(line.toolName, line.args)];
      case 'message_end':
        return readMessage(line.message);
      case 'compaction_end':
        return usageEvents(line.result.usage);
      case 'auto_retry_start':
        failure = undefined;
        return [{ type: 'retry', message: line.errorMessage }];
      case 'agent_settled':
        // Only now is it known that it does not try again.
        return [failure === undefined ? { type: 'final', text: lastText } : readFailure(failure)];
    }
  };

  function readMessage(message: Assistant): AgentEvent[] {
    const events = usageEvents(message.usage);
    if (message.stopReason === 'error') {
      failure = message.errorMessage ?? untold;
      return events;
    }
    failure = undefined;
    const texts = message.content.flatMap(({ type, text = '' }) => (type === 'text' ? [text] : []));
    // As `pi --print` shows it, where it shows words: the parts of its last message, each on lines of its own.
    lastText = texts.join('\n');
    return [...events, ...texts.map((text) => ({ type: 'text' as const, text }))];
  }
}

const Note = z.object({ type: z.literal('message'), timestamp: z.iso.datetime(), message: Assistant });

/** How the last answer since then ended, by the conversation's own file: who runs pi for us may not tell it. */
export async function findFault({
  conversation,
  env,
  since,
}: ConversationNotes): Promise<AgentEvent | undefined> {
  const folder = join(env['PI_CODING_AGENT_DIR'] ?? '', 'sessions');
  const lines = (await readConversationFile({ folder, conversation })).split('\n');
  const [last] = lines.reverse().flatMap((line) => parseLine(Note, line) ?? []);
  if (last?.message.stopReason !== 'error' || Date.parse(last.timestamp) < since) return undefined;
  return readFailure(last.message.errorMessage ?? untold);
}

/** `401: {"type":"authentication_error", …}` or `401 {…}`, as the model's API has it. */
function readFailure(message: string): AgentEvent {
  const status = /^(\d{3})\b/.exec(message)?.[1];
  return failed({ status: status === undefined ? null : Number(status), message });
}
