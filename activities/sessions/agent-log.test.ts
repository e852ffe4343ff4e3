import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AgentEvent } from '../../schema/contracts/agent.ts';
import { temporaryFolder } from '../../test/support/temporary.ts';
import { AgentLog } from './agent-log.ts';

/** A runtime that speaks our own vocabulary; what it does not understand it passes over. */
function read(line: string): AgentEvent[] {
  try {
    return [AgentEvent.parse(JSON.parse(line))];
  } catch {
    return [];
  }
}

function line(event: AgentEvent): string {
  return `${JSON.stringify(event)}\n`;
}

const usage = { inputTokens: 10, cachedTokens: 4, outputTokens: 2, costUsd: null };
const started: AgentEvent = { type: 'started', conversation: 'c1', model: null };
const fault: AgentEvent = { type: 'error', fault: 'rate-limited', message: 'too many', retryAt: 5 };

async function newLog(scrub?: (text: string) => string) {
  const path = join(await temporaryFolder(), 'events.jsonl');
  return { path, log: new AgentLog({ path, read, ...(scrub ? { scrub } : {}) }) };
}

describe('what an agent has told', () => {
  it('is nothing while there is no output', async () => {
    const { log } = await newLog();
    await log.readOn();
    expect(log.told.last).toBeUndefined();
  });

  it('is read while it is written, half lines when they are whole', async () => {
    const { path, log } = await newLog();
    const text = line({ type: 'text', text: 'grüße' });
    const half = Buffer.from(text).indexOf('ü') + 1;
    await writeFile(path, Buffer.concat([Buffer.from(line(started)), Buffer.from(text).subarray(0, half)]));
    await log.readOn();
    expect(log.told).toMatchObject({ conversation: 'c1', text: '' });
    await appendFile(path, Buffer.from(text).subarray(half));
    await log.readOn();
    expect(log.told.text).toBe('grüße');
  });

  it('takes a last line that has no end when the run is over', async () => {
    const { path, log } = await newLog();
    await writeFile(path, line({ type: 'final', text: 'done' }).trimEnd());
    expect(await log.follow(Promise.resolve('ended'))).toBe('ended');
    expect(log.told.text).toBe('done');
  });

  it('is read to its end when the run fails, and the failure is passed on', async () => {
    const { path, log } = await newLog();
    await writeFile(path, line(started));
    await expect(log.follow(Promise.reject(new Error('detached')))).rejects.toThrow('detached');
    expect(log.told.conversation).toBe('c1');
  });

  it('adds up what was used', async () => {
    const { path, log } = await newLog();
    const priced = { ...usage, costUsd: 0.5 };
    await writeFile(path, [usage, priced, priced].map((one) => line({ type: 'usage', usage: one })).join(''));
    await log.readOn();
    expect(log.told.usage).toEqual({ inputTokens: 30, cachedTokens: 12, outputTokens: 6, costUsd: 1 });
  });

  it('has an error only until the agent goes on', async () => {
    const { path, log } = await newLog();
    await writeFile(path, line(fault));
    await log.readOn();
    expect(log.told.error).toMatchObject({ fault: 'rate-limited', retryAt: 5 });
    await appendFile(path, line({ type: 'tool', name: 'shell', detail: 'ls' }));
    await log.readOn();
    expect(log.told).toMatchObject({ error: undefined, tools: 1 });
  });

  it('is shortened, and rid of what the operator keeps to himself', async () => {
    const { path, log } = await newLog((text) => text.replaceAll('s3cret', '***'));
    await writeFile(path, line({ type: 'text', text: `s3cret ${'x'.repeat(3_000)}` }));
    await log.readOn();
    expect(log.told.text).toHaveLength(2_000);
    expect(log.told.text).toMatch(/^\*\*\* x/);
  });
});
