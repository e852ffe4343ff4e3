/** What stands between our client of the Agent Client Protocol and the engine: files of the session's folder. */
import { z } from 'zod';
import { Permissions } from '../../../schema/contracts/permissions.ts';
import { Question } from '../../../schema/contracts/question.ts';

export const acpFiles = {
  spec: 'acp.json',
  /** Stands while a person is asked. */
  waiting: 'waiting',
  answer: (question: string) => `answer-${question}.json`,
} as const;

/** What the client is asked to do. The prompt comes on its standard input. */
export const AcpSpec = z.object({
  session: z.string(),
  /** What the ids of its questions begin with. */
  questions: z.string(),
  /** The agent's program and its arguments. */
  command: z.array(z.string()).min(1),
  /** The conversation to go on with. */
  conversation: z.string().optional(),
  model: z.string().optional(),
  effort: z.string().optional(),
  mode: z.string().optional(),
  permissions: Permissions,
});
export type AcpSpec = z.infer<typeof AcpSpec>;

/** A person's answer, written by the engine. */
export const AnswerFile = z.object({ option: z.string(), by: z.string() });
export type AnswerFile = z.infer<typeof AnswerFile>;

/** What the adapter of codex tells beside the protocol. */
const CodexInfo = z.object({
  /** `systemError` once a turn has failed for good. */
  threadStatus: z.object({ type: z.string() }).optional(),
  error: z
    .object({ message: z.string(), additionalDetails: z.string().nullish(), willRetry: z.boolean() })
    .optional(),
});
export type CodexInfo = z.infer<typeof CodexInfo>;

/** Of an agent's news, what the engine reads. */
const Update = z.discriminatedUnion('sessionUpdate', [
  z.object({
    sessionUpdate: z.literal('agent_message_chunk'),
    content: z.object({ type: z.string(), text: z.string().optional() }),
  }),
  z.object({
    sessionUpdate: z.literal('tool_call'),
    toolCallId: z.string(),
    title: z.string(),
    kind: z.string().nullish(),
  }),
  z.object({
    sessionUpdate: z.literal('usage_update'),
    cost: z.object({ amount: z.number(), currency: z.string() }).nullish(),
  }),
  z.object({ sessionUpdate: z.literal('session_info_update'), _meta: z.object({ codex: CodexInfo }) }),
]);

/** Not in the stable protocol yet, but told by those who know: of the turn, and without what comes from a cache. */
const TurnUsage = z.object({
  totalTokens: z.number().nullish(),
  inputTokens: z.number(),
  outputTokens: z.number(),
  cachedReadTokens: z.number().nullish(),
  cachedWriteTokens: z.number().nullish(),
});

/** One line of the client's output. */
export const AcpLine = z.discriminatedUnion('type', [
  /** `conversation` is null where the agent could not take it up again. */
  z.object({
    type: z.literal('started'),
    conversation: z.string().nullable(),
    model: z.string().nullable(),
    /** As the agent tells it of itself. */
    version: z.string().optional(),
  }),
  z.object({ type: z.literal('update'), update: Update }),
  z.object({ type: z.literal('asked'), question: Question }),
  z.object({ type: z.literal('over'), question: z.string(), option: z.string().nullable() }),
  /** What the operator's lists have decided. */
  z.object({ type: z.literal('decided'), title: z.string(), decision: z.enum(['allow', 'deny']) }),
  z.object({
    type: z.literal('ended'),
    stopReason: z.string(),
    usage: TurnUsage.nullish().catch(null),
  }),
  /** `code` is that of JSON-RPC, where the agent has answered at all. */
  z.object({ type: z.literal('failed'), code: z.number().nullable(), message: z.string() }),
]);
export type AcpLine = z.infer<typeof AcpLine>;

/** What the client says on standard error when a conversation can't be taken up again. */
export const conversationGone = 'the conversation is gone';
