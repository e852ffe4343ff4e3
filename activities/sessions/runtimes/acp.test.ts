import { describe, expect, it } from 'vitest';
import { noUsage } from '../../../schema/contracts/agent.ts';
import { createAcp } from './acp.ts';

const driver = createAcp({
  client: '/acp-client.js',
  adapter: { command: ['agent', '--acp'], mode: 'free' },
  permissions: undefined,
  homeEnvironment: () => ({}),
});

function read(lines: readonly object[], counted = noUsage) {
  return lines.map((line) => JSON.stringify(line)).flatMap(driver.createReader(counted));
}

function ended(usage: object, stopReason = 'end_turn') {
  return { type: 'ended', stopReason, usage };
}

describe('what an agent tells by the Agent Client Protocol', () => {
  it.each([
    [
      'codex',
      { totalTokens: 2_468, inputTokens: 2_200, cachedReadTokens: 200, outputTokens: 68, thoughtTokens: 20 },
      68,
    ],
    [
      'opencode',
      { totalTokens: 2_468, inputTokens: 2_200, cachedReadTokens: 200, outputTokens: 48, thoughtTokens: 20 },
      68,
    ],
    ['one that tells no total', { inputTokens: 2_200, cachedReadTokens: 200, outputTokens: 68 }, 68],
  ])('counts what the model has thought: %s', (_, usage, outputTokens) => {
    expect(read([ended(usage)])[0]).toEqual({
      type: 'usage',
      usage: { inputTokens: 2_400, cachedTokens: 200, outputTokens, costUsd: null },
    });
  });

  it('has no money in it that an earlier session was seen to use', () => {
    const cost = (amount: number, currency = 'USD') => ({
      type: 'update',
      update: { sessionUpdate: 'usage_update', used: 1, size: 2, cost: { amount, currency } },
    });
    const events = read([cost(3, 'EUR'), cost(2.5), cost(2.5), cost(4)], { ...noUsage, costUsd: 2 });
    expect(events.flatMap((event) => (event.type === 'usage' ? event.usage.costUsd : []))).toEqual([
      0.5, 1.5,
    ]);
  });

  it.each([
    ['a refusal of the model', [{ ...ended({}, 'refusal') }], 'model-error'],
    [
      'a login that is missing',
      [{ type: 'failed', code: -32_000, message: 'Authentication required' }],
      'auth',
    ],
    [
      'a closed quota',
      [{ type: 'failed', code: -32_603, message: 'Internal error {"status":429}' }],
      'rate-limited',
    ],
    ['a program that is gone', [{ type: 'failed', code: null, message: 'closed' }], 'model-error'],
  ])('tells %s', (_, lines, fault) => {
    expect(read(lines)).toMatchObject([{ type: 'error', fault }]);
  });

  it('tells what has broken a turn of codex, whose adapter ends it like any other', () => {
    const info = (codex: object) => ({
      type: 'update',
      update: { sessionUpdate: 'session_info_update', _meta: { codex } },
    });
    const said = (text: string) => ({
      type: 'update',
      update: { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } },
    });
    const additionalDetails = 'exceeded retry limit, last status: 429 Too Many Requests';
    const again = info({ error: { message: 'Reconnecting... 1/2', additionalDetails, willRetry: true } });
    const broken = info({ threadStatus: { type: 'systemError' } });
    const active = info({ threadStatus: { type: 'active' } });
    const end = { type: 'ended', stopReason: 'end_turn', usage: null };
    expect(read([said('A warning.'), again, broken, said(additionalDetails), end])).toEqual([
      { type: 'text', text: 'A warning.' },
      { type: 'retry', message: additionalDetails },
      { type: 'text', text: additionalDetails },
      { type: 'error', fault: 'rate-limited', message: additionalDetails, retryAt: null },
    ]);
    expect(read([again, broken, active, said('Done.'), end]).at(-1)).toEqual({
      type: 'final',
      text: 'Done.',
    });
  });

  it('says nothing of what it does not know, and of half a line', () => {
    expect(driver.createReader()('{"type":"update","upd')).toEqual([]);
    expect(read([{ type: 'update', update: { sessionUpdate: 'plan', entries: [] } }])).toEqual([]);
  });
});
