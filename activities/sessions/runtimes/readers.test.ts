import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { agentRuntimes } from '../../../schema/contracts/agent.ts';
import { brief, read, recorded, usedIn } from '../../../test/support/recordings.ts';

describe('what the real programs print', () => {
  it('codex tells the totals of its conversation: what earlier sessions used is not counted again', () => {
    const first = usedIn(read('codex', recorded('codex', 'work')));
    expect(usedIn(read('codex', recorded('codex', 'resume'), first))).toMatchObject({
      inputTokens: 2_400,
      cachedTokens: 200,
      outputTokens: 68,
    });
  });

  it('claude tells in its result what answers have used that were cut off, and the cost', () => {
    const used = usedIn(read('claude', recorded('claude', 'cut')));
    expect(used.inputTokens).toBe(3_600);
    expect(used.costUsd).toBeCloseTo(0.0133, 4);
  });

  it.each([
    { runtime: 'codex', scenario: 'usage-limit', retryAt: new Date(2030, 0, 1).getTime() },
    { runtime: 'claude', scenario: 'usage-limit', retryAt: Date.UTC(2030, 0, 1) },
  ] as const)('$runtime tells when its usage limit ends', ({ runtime, scenario, retryAt }) => {
    expect(read(runtime, recorded(runtime, scenario)).at(-1)).toMatchObject({ retryAt });
  });

  it('claude tells what is used of its account’s windows', () => {
    const events = read('claude', recorded('claude', 'windows'));
    const told = { '5h': Date.UTC(2026, 10, 21, 23, 52, 51), '7d': Date.UTC(2026, 10, 24, 21, 52, 51) };
    expect(events.find(({ type }) => type === 'windows')).toEqual({
      type: 'windows',
      windows: [
        { window: '5h', usedPercent: 42.5, resetsAt: told['5h'] },
        { window: '7d', usedPercent: 7, resetsAt: told['7d'] },
      ],
    });
  });

  it.each([
    {
      what: 'a refusal without a figure, of the window that it is about',
      info: { status: 'rejected', rateLimitType: 'five_hour', resetsAt: 9 },
      windows: [{ window: '5h', usedPercent: 100, resetsAt: 9_000 }],
    },
    {
      what: 'a warning with a figure',
      info: { status: 'allowed_warning', rateLimitType: 'seven_day', resetsAt: 9, utilization: 0.817 },
      windows: [{ window: '7d', usedPercent: 81.7, resetsAt: 9_000 }],
    },
    {
      what: 'no figure where there is none',
      info: { status: 'allowed', rateLimitType: 'five_hour', resetsAt: 9 },
      windows: [{ window: '5h', usedPercent: null, resetsAt: 9_000 }],
    },
    {
      what: 'nothing of a limit of one model',
      info: { status: 'rejected', rateLimitType: 'seven_day_opus' },
    },
  ])('claude tells $what', ({ info, windows }) => {
    const line = JSON.stringify({ type: 'rate_limit_event', rate_limit_info: info });
    expect(read('claude', [line])).toEqual(windows ? [{ type: 'windows', windows }] : []);
  });

  it('opencode tells how long its model asks it to wait', () => {
    const lines = recorded('opencode', '429');
    const { timestamp } = z.object({ timestamp: z.number() }).parse(JSON.parse(lines[0] ?? ''));
    expect(read('opencode', lines).at(-1)).toMatchObject({ retryAt: timestamp + 1_000 });
  });
});

const huge = 'x'.repeat(5_000_000);

const oddLines = [
  { name: 'nothing', line: '' },
  { name: 'words', line: 'Warning: this is no JSON' },
  { name: 'half a line', line: '{"type":"item.completed","item":{"id":"item_0"' },
  { name: 'a NUL', line: '\0' },
  { name: 'a NUL in a string', line: '{"type":"\\u0000"}' },
  { name: 'a number', line: '42' },
  { name: 'null', line: 'null' },
  { name: 'a list', line: '[{"type":"error"}]' },
  { name: 'a type of tomorrow', line: '{"type":"thought.completed","thought":{}}' },
  { name: 'a type that is no string', line: '{"type":{"type":"error"}}' },
  { name: 'known types without their fields', line: '{"type":"error"}' },
  { name: 'a result without its fields', line: '{"type":"result"}' },
  { name: 'a message without its fields', line: '{"type":"message_end","message":{}}' },
  { name: 'an inherited name', line: '{"type":"__proto__","__proto__":{"type":"error"}}' },
  { name: 'huge garbage', line: huge },
  { name: 'a huge line of no known type', line: JSON.stringify({ type: 'other', text: huge }) },
  { name: 'deep nesting', line: '['.repeat(100_000) },
];

describe.each(agentRuntimes)('odd lines between those of %s', (runtime) => {
  it.each(oddLines)('$name: it reads on as if there were none', ({ line }) => {
    const lines = recorded(runtime, 'work');
    const mixed = lines.flatMap((known) => [line, known, line]);
    expect(read(runtime, mixed)).toEqual(read(runtime, lines));
  });

  it('a session that was cut off at any byte has told what came before', () => {
    const text = recorded(runtime, 'work').join('\n');
    const whole = read(runtime, text.split('\n'));
    for (let end = 0; end < text.length; end += 97) {
      const events = read(runtime, text.slice(0, end).split('\n'));
      expect(whole.slice(0, events.length)).toEqual(events);
    }
  });
});

describe('lines that the scripted model does not bring about', () => {
  it('claude’s message with several parts is counted once', () => {
    const usage = {
      input_tokens: 10,
      cache_creation_input_tokens: 5,
      cache_read_input_tokens: 20,
      output_tokens: 1,
    };
    const parts = [
      { type: 'thinking', thinking: 'hm' },
      { type: 'text', text: 'I look.' },
      { type: 'tool_use', id: 't1', name: 'Read', input: { file_path: 'a.ts' } },
    ];
    const lines = parts.map((part) =>
      JSON.stringify({
        type: 'assistant',
        parent_tool_use_id: null,
        message: { id: 'msg_1', usage, content: [part] },
      }),
    );
    const events = read('claude', lines);
    expect(events.map(brief)).toEqual(['usage', 'text', 'tool Read']);
    expect(usedIn(events)).toMatchObject({ inputTokens: 35, cachedTokens: 20, outputTokens: 1 });
  });

  it.each([
    { told: 'try again at 7:06 PM.', at: new Date(2026, 10, 21, 19, 6), now: new Date(2026, 10, 21, 18, 6) },
    { told: 'try again at 1:10 AM.', at: new Date(2026, 10, 22, 1, 10), now: new Date(2026, 10, 21, 22, 0) },
    {
      told: 'try again at 9:30 AM.',
      at: new Date(2026, 10, 21, 9, 30),
      now: new Date(2026, 10, 21, 9, 30, 40),
    },
    {
      told: 'try again at Dec 3rd, 2026 12:05 AM.',
      at: new Date(2026, 11, 3, 0, 5),
      now: new Date(2026, 10, 21),
    },
  ])('codex, at $now: “$told”', ({ told, at, now }) => {
    vi.useFakeTimers({ now });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const message = `You’ve hit your usage limit. Upgrade to Pro or ${told}`;
    const events = read('codex', [JSON.stringify({ type: 'turn.failed', error: { message } })]);
    expect(events).toMatchObject([{ fault: 'rate-limited', retryAt: at.getTime() }]);
  });

  it('codex without a time at which to try again', () => {
    const message = 'You’ve hit your usage limit. Upgrade to Pro or try again later.';
    const events = read('codex', [JSON.stringify({ type: 'turn.failed', error: { message } })]);
    expect(events).toMatchObject([{ fault: 'rate-limited', retryAt: null }]);
  });

  it('pi’s last message is all of its texts, and nothing of an earlier message', () => {
    const usage = { input: 1, output: 1, cacheRead: 0, cacheWrite: 0, cost: { total: 0 } };
    const message = (...content: object[]) =>
      JSON.stringify({
        type: 'message_end',
        message: { role: 'assistant', content, usage, stopReason: 'stop' },
      });
    const settled = JSON.stringify({ type: 'agent_settled' });
    const verdict = message(
      { type: 'text', text: 'I have read it.' },
      { type: 'thinking', thinking: 'hm' },
      { type: 'text', text: '{"verdict":"approve"}' },
    );
    const events = read('pi', [verdict, settled]);
    expect(events.map(brief)).toEqual(['usage', 'text', 'text', 'final']);
    expect(events.at(-1)).toEqual({ type: 'final', text: 'I have read it.\n{"verdict":"approve"}' });
    expect(read('pi', [verdict, message(), settled]).at(-1)).toEqual({ type: 'final', text: '' });
  });

  it('opencode’s last step is all of its texts, and nothing of an earlier step', () => {
    const line = (type: string, part: object) =>
      JSON.stringify({ type, timestamp: 1, sessionID: 'ses_1', part });
    const step = (...texts: string[]) => [
      line('step_start', {}),
      ...texts.map((text) => line('text', { text })),
      line('step_finish', {
        reason: 'stop',
        cost: 0,
        tokens: { input: 1, output: 1, reasoning: 0, cache: { read: 0, write: 0 } },
      }),
    ];
    const events = read('opencode', step('I have read it.', '{"verdict":"approve"}'));
    expect(events.at(-1)).toEqual({ type: 'final', text: 'I have read it.\n{"verdict":"approve"}' });
    expect(read('opencode', [...step('{"verdict":"approve"}'), ...step()]).at(-1)).toEqual({
      type: 'final',
      text: '',
    });
  });

  it('codex tells a change of files only at its end, a command twice', () => {
    const change = { id: 'item_1', type: 'file_change', changes: [{ path: 'a.ts' }, { path: 'b.ts' }] };
    const command = { id: 'item_2', type: 'command_execution', command: 'npm test' };
    const events = read('codex', [
      JSON.stringify({ type: 'item.completed', item: change }),
      JSON.stringify({ type: 'item.started', item: command }),
      JSON.stringify({ type: 'item.completed', item: command }),
    ]);
    expect(events).toEqual([
      { type: 'tool', name: 'file_change', detail: 'a.ts b.ts' },
      { type: 'tool', name: 'command_execution', detail: 'npm test' },
    ]);
  });
});
