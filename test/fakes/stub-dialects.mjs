/** How agents without a model begin their conversations, and what their output looks like. */
import { randomUUID } from 'node:crypto';

export const codex = {
  version: 'codex-cli 0.169.0',
  home: process.env.CODEX_HOME,
  /** Whether usage is that of the whole conversation, earlier sessions included. */
  tellsTotals: true,
  resumed: (args) => valueOf(args, 'resume'),
  newId: () => randomUUID(),
  gone: (id) => `Error: no rollout found for thread id ${id}`,
  started: (id) => [{ type: 'thread.started', thread_id: id }, { type: 'turn.started' }],
  said: (text) => ({ type: 'item.completed', item: { id: 'said', type: 'agent_message', text } }),
  toolStarted: (command) => ({
    type: 'item.started',
    item: { id: command, type: 'command_execution', command },
  }),
  toolEnded: (command) => ({
    type: 'item.completed',
    item: { id: command, type: 'command_execution', command },
  }),
  ended: ({ input, cached, output }) => ({
    type: 'turn.completed',
    usage: { input_tokens: input, cached_input_tokens: cached, output_tokens: output },
  }),
  failed: (message) => ({ type: 'turn.failed', error: { message } }),
};

export const claude = {
  version: '2.1.330 (Claude Code)',
  home: process.env.CLAUDE_CONFIG_DIR,
  tellsTotals: false,
  resumed: (args) => valueOf(args, '--resume'),
  newId: (args) => valueOf(args, '--session-id'),
  gone: (id) => `No conversation found with session ID: ${id}`,
  started: (id) => [{ type: 'system', subtype: 'init', session_id: id, model: 'stub' }],
  said: (text) => fromClaude({ type: 'text', text }),
  toolStarted: (command) => fromClaude({ type: 'tool_use', id: command, name: 'Bash', input: { command } }),
  toolEnded: (command) => ({
    type: 'user',
    message: { role: 'user', content: [{ type: 'tool_result', tool_use_id: command, content: '' }] },
  }),
  ended: ({ input, cached, output, text }) => ({
    ...{ type: 'result', subtype: 'success', is_error: false, result: text },
    usage: {
      input_tokens: input - cached,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: cached,
      output_tokens: output,
    },
  }),
  failed: (message) => ({
    ...{ type: 'result', subtype: 'success', is_error: true, result: message },
    usage: noTokens,
  }),
};

const noTokens = {
  input_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  output_tokens: 0,
};

function fromClaude(part) {
  const message = { id: randomUUID(), role: 'assistant', content: [part], usage: noTokens };
  return { type: 'assistant', parent_tool_use_id: null, message };
}

function valueOf(args, name) {
  return args.includes(name) ? args[args.indexOf(name) + 1] : undefined;
}
