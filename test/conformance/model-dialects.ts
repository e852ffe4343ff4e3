/** How the three APIs of models ask and answer: as much of each as the agent programs use. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';

/** What a model was told so far, in order: a person's words, or a tool's answer. */
export type Turn = { kind: 'user'; text: string } | { kind: 'tool' };

/** What the model answers: one shell command, or its last word. */
export type Answer = { command: string } | { say: string };

/** One event of a stream; `name` where the dialect names its events. */
export interface StreamEvent {
  name?: string;
  data: unknown;
}

export interface Question {
  model: string;
  turns: Turn[];
  /** The program's own tool for shell commands; titles and summaries are asked for without one. */
  shell: ShellTool | undefined;
}

export interface Dialect {
  path: string;
  question: (body: unknown) => Question;
  stream: (of: { model: string; answer: Answer; shell: ShellTool | undefined }) => StreamEvent[];
  fault: (of: { type: string; message: string }) => unknown;
}

interface ShellTool {
  name: string;
  argumentsFor(command: string): string;
}

/** What each answer costs, so that tests can count. */
export const usedTokens = { input: 1_200, cached: 100, output: 34, reasoning: 10 } as const;

const Parameters = z.object({
  properties: z.record(z.string(), z.object({ type: z.unknown().optional() })).optional(),
});

const Tool = z
  .object({
    name: z.string().optional(),
    input_schema: Parameters.optional(),
    parameters: Parameters.optional(),
    function: z.object({ name: z.string(), parameters: Parameters.optional() }).optional(),
  })
  .transform((tool) => ({
    name: tool.name ?? tool.function?.name ?? '',
    properties: (tool.input_schema ?? tool.parameters ?? tool.function?.parameters)?.properties ?? {},
  }));

const Tools = z.array(Tool).default([]);

const shellToolNames = ['exec_command', 'shell_command', 'shell', 'bash', 'Bash'];

function shellTool(tools: z.infer<typeof Tools>): ShellTool | undefined {
  const tool = tools.find(({ name }) => shellToolNames.includes(name));
  if (!tool) return undefined;
  const { name, properties } = tool;
  return { name, argumentsFor: (command) => JSON.stringify(shellArguments(properties, command)) };
}

function shellArguments(properties: Record<string, { type?: unknown }>, command: string) {
  const described = properties['description'] ? { description: 'scripted step' } : {};
  // Longer than any step of a test: codex would leave the command running behind its back.
  const waits = properties['yield_time_ms'] ? { yield_time_ms: 30_000 } : {};
  if (properties['cmd']) return { cmd: command, ...described, ...waits };
  const list = properties['command']?.type === 'array';
  return { command: list ? ['bash', '-c', command] : command, ...described };
}

const Text = z.object({ text: z.string().optional() }).transform(({ text }) => text ?? '');
const Content = z
  .union([z.string(), z.array(Text).transform((parts) => parts.join('\n')), z.null()])
  .transform((text) => text ?? '');

const ResponsesBody = z.object({
  model: z.string(),
  tools: Tools,
  input: z.array(
    z.object({ type: z.string().optional(), role: z.string().optional(), content: z.unknown().optional() }),
  ),
});

export const responses: Dialect = {
  path: '/v1/responses',
  question(body) {
    const { model, input, tools } = ResponsesBody.parse(body);
    const turns = input.flatMap((item): Turn[] => {
      if (item.type?.endsWith('_call_output')) return [{ kind: 'tool' }];
      return item.role === 'user' ? [{ kind: 'user', text: Content.parse(item.content) }] : [];
    });
    return { model, turns, shell: shellTool(tools) };
  },
  stream({ model, answer, shell }) {
    const id = randomUUID();
    const item =
      'command' in answer && shell
        ? {
            type: 'function_call',
            id: `fc_${id}`,
            call_id: `call_${id}`,
            name: shell.name,
            arguments: shell.argumentsFor(answer.command),
            status: 'completed',
          }
        : {
            type: 'message',
            id: `msg_${id}`,
            role: 'assistant',
            status: 'completed',
            content: [{ type: 'output_text', text: said(answer), annotations: [] }],
          };
    const response = { id: `resp_${id}`, object: 'response', created_at: 1, model };
    const usage = {
      input_tokens: usedTokens.input,
      input_tokens_details: { cached_tokens: usedTokens.cached },
      output_tokens: usedTokens.output,
      output_tokens_details: { reasoning_tokens: usedTokens.reasoning },
      total_tokens: usedTokens.input + usedTokens.output,
    };
    return [
      { type: 'response.created', response: { ...response, status: 'in_progress', output: [] } },
      { type: 'response.output_item.added', output_index: 0, item },
      { type: 'response.output_item.done', output_index: 0, item },
      { type: 'response.completed', response: { ...response, status: 'completed', output: [item], usage } },
    ].map((event, index) => ({ name: event.type, data: { ...event, sequence_number: index } }));
  },
  fault: ({ type, message }) => ({ error: { type, code: type, message } }),
};

const ChatBody = z.object({
  model: z.string(),
  tools: Tools,
  messages: z.array(z.object({ role: z.string(), content: Content.optional() })),
});

export const chatCompletions: Dialect = {
  path: '/v1/chat/completions',
  question(body) {
    const { model, messages, tools } = ChatBody.parse(body);
    const turns = messages.flatMap(({ role, content = '' }): Turn[] => {
      if (role === 'tool') return [{ kind: 'tool' }];
      return role === 'user' ? [{ kind: 'user', text: content }] : [];
    });
    return { model, turns, shell: shellTool(tools) };
  },
  stream({ model, answer, shell }) {
    const id = randomUUID();
    const chunk = { id: `cc_${id}`, object: 'chat.completion.chunk', created: 1, model };
    const calls = 'command' in answer && shell;
    const delta = calls
      ? {
          role: 'assistant',
          content: null,
          tool_calls: [
            {
              index: 0,
              id: `call_${id}`,
              type: 'function',
              function: { name: shell.name, arguments: shell.argumentsFor(answer.command) },
            },
          ],
        }
      : { role: 'assistant', content: said(answer) };
    const finish = calls ? 'tool_calls' : 'stop';
    const usage = {
      prompt_tokens: usedTokens.input,
      prompt_tokens_details: { cached_tokens: usedTokens.cached },
      completion_tokens: usedTokens.output,
      completion_tokens_details: { reasoning_tokens: usedTokens.reasoning },
      total_tokens: usedTokens.input + usedTokens.output,
    };
    return [
      { data: { ...chunk, choices: [{ index: 0, delta, finish_reason: null }] } },
      { data: { ...chunk, choices: [{ index: 0, delta: {}, finish_reason: finish }] } },
      { data: { ...chunk, choices: [], usage } },
    ];
  },
  fault: responses.fault,
};

const MessagesBody = z.object({
  model: z.string(),
  tools: Tools,
  messages: z.array(z.object({ role: z.string(), content: z.unknown().optional() })),
});

const ToolResults = z.array(z.object({ type: z.string() }));

export const messages: Dialect = {
  path: '/v1/messages',
  question(body) {
    const { model, messages: said, tools } = MessagesBody.parse(body);
    const turns = said.flatMap(({ role, content }): Turn[] => {
      if (role !== 'user') return [];
      const parts = ToolResults.safeParse(content).data ?? [];
      const results = parts.filter(({ type }) => type === 'tool_result');
      const text = Content.parse(content);
      return [...results.map((): Turn => ({ kind: 'tool' })), { kind: 'user', text }];
    });
    return { model, turns, shell: shellTool(tools) };
  },
  stream({ model, answer, shell }) {
    const id = randomUUID();
    const calls = 'command' in answer && shell;
    const block = calls
      ? { type: 'tool_use', id: `toolu_${id}`, name: shell.name, input: {} }
      : { type: 'text', text: '' };
    const delta = calls
      ? { type: 'input_json_delta', partial_json: shell.argumentsFor(answer.command) }
      : { type: 'text_delta', text: said(answer) };
    const message = {
      id: `msg_${id}`,
      type: 'message',
      role: 'assistant',
      model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: {
        // This API counts what came from a cache apart.
        input_tokens: usedTokens.input - usedTokens.cached,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: usedTokens.cached,
        output_tokens: 1,
      },
    };
    const stop = { stop_reason: calls ? 'tool_use' : 'end_turn', stop_sequence: null };
    return [
      { type: 'message_start', message },
      { type: 'content_block_start', index: 0, content_block: block },
      { type: 'content_block_delta', index: 0, delta },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: stop, usage: { output_tokens: usedTokens.output } },
      { type: 'message_stop' },
    ].map((event) => ({ name: event.type, data: event }));
  },
  fault: ({ type, message }) => ({ type: 'error', error: { type, message } }),
};

export const dialects: readonly Dialect[] = [responses, chatCompletions, messages];

/** A title or a summary is asked for without tools: then a command is only talked about. */
function said(answer: Answer): string {
  return 'say' in answer ? answer.say : 'A scripted step';
}
