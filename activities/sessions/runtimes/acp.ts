/** Any agent that speaks the Agent Client Protocol, through our own client of it: see ../acp/client.ts. */
import type { AgentEvent, AgentRuntime, Usage } from '../../../schema/contracts/agent.ts';
import { noUsage } from '../../../schema/contracts/agent.ts';
import { Permissions } from '../../../schema/contracts/permissions.ts';
import { acpFiles, AcpLine, conversationGone, type AcpSpec, type CodexInfo } from '../acp/spec.ts';
import { findFault } from './pi.ts';
import { failed, parseLine, toolEvent, usageEvents } from './reading.ts';
import type { Driver, Launch, LineReader, Prepared } from './runtime.ts';

/** An agent that is asked to stop says so and leaves; the engine waits ten seconds for the whole run to end. */
const graceMs = 5_000;

/** JSON-RPC's code for a login that is missing, by the protocol. */
const authRequired = -32_000;

/** How a program is run by the protocol. */
export interface Adapter {
  command: readonly string[];
  /** The mode that is chosen where the operator names none: as in headless runs, nobody is asked. */
  mode?: string;
  env?: Readonly<Record<string, string>>;
  /** Where it does not tell what stood between its agent and the model. */
  findFault?: NonNullable<Driver['findFault']>;
}

/** The programs that speak the protocol for each runtime; opencode speaks it itself, and pi's never asks. */
export const adapters: Readonly<Record<AgentRuntime, Adapter>> = {
  codex: { command: ['codex-acp'], mode: 'agent-full-access' },
  claude: { command: ['claude-agent-acp'], mode: 'bypassPermissions', env: { IS_SANDBOX: '1' } },
  pi: { command: ['pi-acp'], findFault },
  opencode: { command: ['opencode', 'acp'] },
};

export function createAcp(of: {
  /** Our client, as it was built. */
  client: string;
  adapter: Adapter;
  permissions: Permissions | undefined;
  homeEnvironment: Driver['homeEnvironment'];
}): Driver {
  const { client, adapter, permissions = Permissions.parse({}), homeEnvironment } = of;
  return {
    homeEnvironment,
    prepare,
    createReader: createAcpReader,
    ...(adapter.findFault ? { findFault: adapter.findFault } : {}),
    complaints: { 'conversation-gone': new RegExp(`^${conversationGone}`, 'm') },
  };

  function prepare({ sessionId, model, effort, conversation, settings }: Launch): Prepared {
    const spec: AcpSpec = {
      session: sessionId,
      questions: questionsOf(sessionId),
      command: [...adapter.command, ...settings.args],
      conversation,
      model,
      effort,
      mode: adapter.mode,
      permissions,
    };
    return {
      argv: [process.execPath, client],
      env: { ...adapter.env, ...settings.env },
      conversation,
      files: { [acpFiles.spec]: JSON.stringify(spec) },
      step: { graceMs, waits: acpFiles.waiting },
    };
  }
}

/** Role and launch, of mission, task, role and launch: no two sessions of a task have the same. */
function questionsOf(sessionId: string): string {
  return sessionId.split('.').slice(-2).join('-');
}

export function createAcpReader(counted: Usage = noUsage): LineReader {
  let cost = counted.costUsd ?? 0;
  let text = '';
  /** The adapter of codex ends such a turn like any other, with what went wrong as its last words. */
  let isBroken = false;
  return (line) => {
    const parsed = parseLine(AcpLine, line);
    switch (parsed?.type) {
      case undefined:
      case 'decided':
        return [];
      case 'started': {
        const { conversation, model, version } = parsed;
        return [{ type: 'started', conversation, model, ...(version === undefined ? {} : { version }) }];
      }
      case 'update':
        return readUpdate(parsed.update);
      case 'asked':
        return [...spoken(), { type: 'question', question: parsed.question }];
      case 'over':
        return [{ type: 'question-over', id: parsed.question }];
      case 'ended':
        return conclude(parsed);
      case 'failed':
        return [...spoken(), readFailure(parsed)];
    }
  };

  function readUpdate(update: Extract<AcpLine, { type: 'update' }>['update']): AgentEvent[] {
    switch (update.sessionUpdate) {
      case 'agent_message_chunk':
        text += update.content.text ?? '';
        return [];
      case 'tool_call':
        return [...spoken(), toolEvent(update.kind ?? 'other', update.title)];
      case 'session_info_update':
        return readCodex(update._meta.codex);
      case 'usage_update': {
        // Of the whole conversation, its earlier sessions included.
        if (update.cost?.currency !== 'USD') return [];
        const costUsd = Math.max(0, update.cost.amount - cost);
        cost = update.cost.amount;
        return costUsd === 0 ? [] : [{ type: 'usage', usage: { ...noUsage, costUsd } }];
      }
    }
  }

  function readCodex({ threadStatus, error }: CodexInfo): AgentEvent[] {
    if (threadStatus) isBroken = threadStatus.type === 'systemError';
    if (error?.willRetry !== true) return spoken();
    return [...spoken(), { type: 'retry', message: error.additionalDetails ?? error.message }];
  }

  /** Messages come in pieces: one is whole when something else comes. */
  function spoken(): AgentEvent[] {
    const said = text.trim();
    text = '';
    return said === '' ? [] : [{ type: 'text', text: said }];
  }

  function conclude({ stopReason, usage }: Extract<AcpLine, { type: 'ended' }>): AgentEvent[] {
    const said = text.trim();
    const used = usage ? usageEvents(toUsage(usage)) : [];
    const events = [...spoken(), ...used];
    if (stopReason === 'cancelled') return events;
    if (stopReason === 'refusal') {
      return [...events, failed({ status: null, message: `the model has refused: ${said}` })];
    }
    if (isBroken) return [...events, readFailure({ code: null, message: said })];
    return [...events, { type: 'final', text: said }];
  }
}

function toUsage(told: NonNullable<Extract<AcpLine, { type: 'ended' }>['usage']>): Usage {
  const cached = told.cachedReadTokens ?? 0;
  const inputTokens = told.inputTokens + cached + (told.cachedWriteTokens ?? 0);
  // Some count what the model has thought with what it wrote, and some beside it: in the total it always is.
  const outputTokens = Math.max(told.outputTokens, (told.totalTokens ?? 0) - inputTokens);
  return { inputTokens, cachedTokens: cached, outputTokens, costUsd: null };
}

function readFailure({ code, message }: Omit<Extract<AcpLine, { type: 'failed' }>, 'type'>): AgentEvent {
  if (code === authRequired) return failed({ status: 401, message });
  const status = /\b(?:status|code|error|HTTP)\W{0,3}(\d{3})\b/i.exec(message)?.[1];
  return failed({ status: status === undefined ? null : Number(status), message });
}
