import { describe, expect, it } from 'vitest';
import type { AgentEvent } from '../../schema/contracts/agent.ts';
import type { SessionEnd, SessionOutcome } from '../../schema/contracts/session.ts';
import type { Told } from './agent-log.ts';
import { reportAgent } from './agent-report.ts';

const nothing: Told = {
  started: false,
  conversation: undefined,
  usage: { inputTokens: 0, cachedTokens: 0, outputTokens: 0, costUsd: null },
  windows: [],
  tools: 0,
  error: undefined,
  text: '',
  last: undefined,
};
const worked: Partial<Told> = { started: true, conversation: 'c1', tools: 3, text: 'It is done.' };

function fault(of: 'auth' | 'rate-limited' | 'model-error', retryAt: number | null = null): Partial<Told> {
  const error: Extract<AgentEvent, { type: 'error' }> = { type: 'error', fault: of, message: of, retryAt };
  return { error };
}

interface Case {
  name: string;
  told?: Partial<Told>;
  end?: SessionEnd;
  exitCode?: number | null;
  reason?: string;
  stderr?: string;
  resumed?: string;
  limits?: { tokens?: number; costUsd?: number };
}

const complaints = { 'conversation-gone': /No conversation found/, auth: /No API key/ };

function report(of: Omit<Case, 'name'>) {
  const { told = {}, end = 'exited', exitCode = 0, stderr = '', resumed, limits, reason } = of;
  return reportAgent({
    session: { end, exitCode, ...(reason === undefined ? {} : { reason }) },
    told: { ...nothing, ...told },
    stderr,
    complaints,
    resumed,
    ...(limits ? { limits } : {}),
  });
}

describe('a session of an agent', () => {
  it.each<Case & { outcome: SessionOutcome; message: string }>([
    { name: 'has worked', told: worked, outcome: 'done', message: 'It is done.' },
    {
      name: 'was ended when it had used its tokens',
      told: { ...worked, usage: { inputTokens: 90, cachedTokens: 0, outputTokens: 10, costUsd: null } },
      end: 'stopped',
      exitCode: null,
      limits: { tokens: 100 },
      outcome: 'over-budget',
      message: 'It is done.',
    },
    {
      name: 'was ended when its files took too much of the disk, whatever it has used',
      told: { ...worked, usage: { inputTokens: 90, cachedTokens: 0, outputTokens: 10, costUsd: null } },
      end: 'disk',
      exitCode: null,
      reason: 'its clone and its home took 21.00 GiB; 20 GiB are the most',
      limits: { tokens: 100 },
      outcome: 'disk',
      message: 'its clone and its home took 21.00 GiB; 20 GiB are the most',
    },
    {
      name: 'was ended before it had used its money',
      told: { ...worked, usage: { inputTokens: 90, cachedTokens: 0, outputTokens: 10, costUsd: 1 } },
      end: 'stopped',
      exitCode: null,
      limits: { costUsd: 1.01 },
      outcome: 'killed',
      message: 'the session was ended: stopped',
    },
    { name: 'has used no tool', told: { text: 'Hello.' }, outcome: 'no-change', message: 'Hello.' },
    { name: 'ended well after its model refused it', told: fault('auth'), outcome: 'auth', message: 'auth' },
    {
      name: 'has worked, and then met a closed quota',
      told: { ...worked, ...fault('rate-limited') },
      outcome: 'rate-limited',
      message: 'rate-limited',
    },
    {
      name: 'failed with its model',
      told: fault('model-error'),
      exitCode: 1,
      outcome: 'model-error',
      message: 'model-error',
    },
    {
      name: 'failed without a word on its output',
      exitCode: 2,
      stderr: 'unknown option',
      outcome: 'model-error',
      message: 'unknown option',
    },
    { name: 'failed without a word', exitCode: 2, outcome: 'model-error', message: 'exit code 2' },
    {
      name: 'could not be started',
      end: 'unstartable',
      exitCode: null,
      stderr: 'ENOENT',
      outcome: 'model-error',
      message: 'ENOENT',
    },
    {
      name: 'said nothing for too long',
      end: 'stalled',
      exitCode: null,
      outcome: 'stalled',
      message: 'the session was stalled',
    },
    {
      name: 'hung on a model that failed it',
      told: fault('model-error'),
      end: 'stalled',
      exitCode: null,
      outcome: 'stalled',
      message: 'model-error',
    },
    {
      name: 'has no runner any more',
      told: worked,
      end: 'lost',
      exitCode: null,
      outcome: 'lost',
      message: 'the session was lost',
    },
    {
      name: 'was killed from outside',
      told: worked,
      exitCode: null,
      outcome: 'killed',
      message: 'the session was ended: exited',
    },
    {
      name: 'took too long',
      told: worked,
      end: 'timed-out',
      exitCode: null,
      outcome: 'killed',
      message: 'the session was ended: timed-out',
    },
    {
      name: 'flooded its output',
      told: worked,
      end: 'flooded',
      exitCode: null,
      outcome: 'killed',
      message: 'the session was ended: flooded',
    },
  ])('that $name is $outcome', ({ outcome, message, ...of }) => {
    expect(report(of)).toMatchObject({ outcome, message });
  });

  it.each<{ stderr: string; outcome: SessionOutcome }>([
    { stderr: 'No conversation found with session ID: c0', outcome: 'lost' },
    { stderr: 'No API key found', outcome: 'auth' },
    { stderr: 'segmentation fault', outcome: 'model-error' },
  ])('that told nothing but $stderr is $outcome, and leaves no conversation that it went on with', (of) => {
    const { outcome, conversation, message } = report({ stderr: of.stderr, exitCode: 1, resumed: 'c0' });
    expect({ outcome, message }).toEqual({ outcome: of.outcome, message: of.stderr });
    expect(conversation).toBe(of.outcome === 'auth' ? 'c0' : null);
  });

  it('tells when its quota opens again', () => {
    expect(report({ told: fault('rate-limited', 7) }).retryAt).toBe(7);
    expect(report({ told: worked }).retryAt).toBeNull();
  });

  it.each<Case & { conversation: string | null }>([
    { name: 'has told of one', told: worked, conversation: 'c1' },
    { name: 'was killed after it had told of one', told: worked, exitCode: null, conversation: 'c1' },
    { name: 'never told of one', told: {}, conversation: null },
    { name: 'went on with one', told: { tools: 1 }, resumed: 'c0', conversation: 'c0' },
    { name: 'went on with one, under another name', told: worked, resumed: 'c0', conversation: 'c1' },
    { name: 'could not go on with one', told: {}, exitCode: 1, resumed: 'c0', conversation: null },
    {
      name: 'met a closed quota when it went on',
      told: fault('rate-limited'),
      resumed: 'c0',
      conversation: 'c0',
    },
    { name: 'was not logged in when it went on', told: fault('auth'), resumed: 'c0', conversation: 'c0' },
  ])('that $name leaves the conversation $conversation', ({ conversation, ...of }) => {
    expect(report(of).conversation).toBe(conversation);
  });
});

describe('a closed quota', () => {
  const windows: Told['windows'] = [
    { window: '5h', usedPercent: 100, resetsAt: 5_000 },
    { window: '7d', usedPercent: 31, resetsAt: 9_000 },
  ];

  it.each<{ name: string; told: Partial<Told>; retryAt: number | null }>([
    {
      name: 'opens when its program says',
      told: { ...fault('rate-limited', 1_000), windows: [] },
      retryAt: 1_000,
    },
    { name: 'opens when the window that is used up does', told: fault('rate-limited'), retryAt: 5_000 },
    {
      name: 'opens when the last of two windows does, whatever the message says',
      told: {
        ...fault('rate-limited', 4_000),
        windows: windows.map((one) => ({ ...one, usedPercent: 100 })),
      },
      retryAt: 9_000,
    },
    { name: 'is none where the model has failed', told: fault('model-error'), retryAt: null },
    { name: 'is none where nothing went wrong', told: worked, retryAt: null },
  ])('$name', ({ told, retryAt }) => {
    expect(report({ told: { windows, ...told } }).retryAt).toBe(retryAt);
  });

  it('is told of with its figures, and nothing is where the program told none', () => {
    expect(report({ told: { ...worked, windows } }).windows).toEqual(windows);
    expect(report({ told: worked })).not.toHaveProperty('windows');
  });
});
