/** opencode, of the package opencode-ai. */
import { join } from 'node:path';
import { z } from 'zod';
import type { AgentEvent, Effort, Usage } from '../../../schema/contracts/agent.ts';
import { failed, parseLine, toldCost, toolEvent, usageEvents } from './reading.ts';
import type { Ask, Launch, LineReader, Prepared, Runtime } from './runtime.ts';

/** Its names of a model's variants, which differ from vendor to vendor; one that a model lacks is passed over. */
const efforts: Record<Effort, string> = { low: 'low', medium: 'medium', high: 'high', max: 'max' };

const Used = z
  .object({
    tokens: z.object({
      input: z.number(),
      output: z.number(),
      reasoning: z.number(),
      cache: z.object({ read: z.number(), write: z.number() }),
    }),
    cost: z.number(),
  })
  .transform(({ tokens, cost }): Usage => ({
    inputTokens: tokens.input + tokens.cache.read + tokens.cache.write,
    cachedTokens: tokens.cache.read,
    outputTokens: tokens.output + tokens.reasoning,
    costUsd: toldCost(cost),
  }));

const Failure = z.object({
  name: z.string(),
  data: z
    .object({
      message: z.string().optional(),
      statusCode: z.number().optional(),
      responseHeaders: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
});
type Failure = z.infer<typeof Failure>;

const sessionID = z.string();

const Line = z.discriminatedUnion('type', [
  z.object({ type: z.literal('step_start'), sessionID }),
  z.object({ type: z.literal('text'), sessionID, part: z.object({ text: z.string() }) }),
  z.object({
    type: z.literal('tool_use'),
    sessionID,
    part: z.object({ tool: z.string(), state: z.object({ input: z.unknown() }) }),
  }),
  z.object({
    type: z.literal('step_finish'),
    sessionID,
    part: z.object({ reason: z.string() }).and(Used),
  }),
  z.object({ type: z.literal('error'), sessionID, timestamp: z.number(), error: Failure }),
]);
type Line = z.infer<typeof Line>;

const Conversations = z.array(z.object({ id: z.string(), title: z.string() }));

const unasked = { args: [], env: { OPENCODE_DISABLE_AUTOUPDATE: '1' } };

export const opencode: Runtime = {
  version: { args: ['--version'], pattern: /^(\d+\.\d+\.\d+)/, from: '1.18.33', before: '2.0.0' },
  homeEnvironment: (home) => ({
    // Not XDG_CONFIG_HOME: git and others would find this person's settings there.
    OPENCODE_CONFIG_DIR: join(home, '.config', 'opencode'),
    XDG_DATA_HOME: join(home, '.local', 'share'),
  }),
  unasked,
  prepare,
  createReader,
  complaints: { 'conversation-gone': /Session not found/ },
  findConversation,
};

function prepare({ sessionId, model, effort, conversation, settings }: Launch): Prepared {
  return {
    argv: [
      'opencode',
      'run',
      '--format',
      'json',
      '--auto',
      ...(conversation === undefined ? ['--title', sessionId] : ['--session', conversation]),
      ...(model === undefined ? [] : ['--model', model]),
      ...(effort === undefined ? [] : ['--variant', efforts[effort]]),
      ...settings.args,
    ],
    env: { ...unasked.env, ...settings.env },
    conversation,
  };
}

/** It tells its id with its first answer only: a session that was killed before is found by its title. */
async function findConversation({
  sessionId,
  ask,
}: {
  sessionId: string;
  ask: Ask;
}): Promise<string | undefined> {
  const answer = await ask(['session', 'list', '--format', 'json']);
  return parseLine(Conversations, answer)?.find(({ title }) => title === sessionId)?.id;
}

function createReader(): LineReader {
  let started = false;
  let said: string[] = [];
  return (text) => {
    const line = parseLine(Line, text);
    if (!line) return [];
    const events = readLine(line);
    if (started) return events;
    started = true;
    return [{ type: 'started', conversation: line.sessionID, model: null }, ...events];
  };

  function readLine(line: Line): AgentEvent[] {
    switch (line.type) {
      case 'step_start':
        said = [];
        return [];
      case 'text':
        said.push(line.part.text);
        return [{ type: 'text', text: line.part.text }];
      case 'tool_use':
        return [toolEvent(line.part.tool, line.part.state.input)];
      case 'step_finish': {
        const { reason, ...usage } = line.part;
        const used = usageEvents(usage);
        return reason === 'stop' ? [...used, { type: 'final', text: said.join('\n') }] : used;
      }
      case 'error':
        return [readFailure(line.error, line.timestamp)];
    }
  }
}

/** It tries again by itself without a word; what it tells has ended the turn. */
function readFailure({ name, data = {} }: Failure, at: number): AgentEvent {
  const seconds = Number(data.responseHeaders?.['retry-after'] ?? Number.NaN);
  return failed({
    status: name === 'ProviderAuthError' ? 401 : (data.statusCode ?? null),
    message: data.message ?? name,
    retryAt: Number.isNaN(seconds) ? null : at + seconds * 1_000,
  });
}
