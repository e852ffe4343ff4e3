/**
 * The real agent programs, run as the engine runs them, on a model that plays a script: `npm run conformance -- codex`.
 * With MISSION_RECORD=1 what they print becomes the recordings that the readers' tests read.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { processesOfRun } from '../../activities/processes/tree.ts';
import { addUsage, type AgentEvent, type QuotaWindow, type Usage } from '../../schema/contracts/agent.ts';
import { agents } from '../../scripts/agents.mjs';
import { cacheFolder } from '../../scripts/toolchain.mjs';
import { until } from '../support/until.ts';
import {
  commit,
  killAgent,
  makeWorld,
  refusals,
  type AgentSession,
  type AgentWorld,
  type SessionEnd,
} from './agent-sessions.ts';
import { usedTokens } from './model-dialects.ts';
import { setUps, wanted } from './programs.ts';
import { record } from './recordings.ts';

const nothingToDo = 'SAY: there is nothing to do';

/** The first of January 2030, in seconds. */
const windowOpensAt = 1_893_456_000;

/** In seconds. Claude does not believe in a window that would end later than its length allows. */
const now = Math.floor(Date.now() / 1_000);
const opensAt = { '5h': now + 2 * 3_600, '7d': now + 3 * 86_400 };

/** Told with each answer, as each vendor does it. */
const windowHeaders = {
  'x-codex-primary-used-percent': '42.5',
  'x-codex-primary-window-minutes': '300',
  'x-codex-primary-reset-at': String(opensAt['5h']),
  'x-codex-secondary-used-percent': '7',
  'x-codex-secondary-window-minutes': '10080',
  'x-codex-secondary-reset-at': String(opensAt['7d']),
  'anthropic-ratelimit-unified-status': 'allowed',
  'anthropic-ratelimit-unified-reset': String(opensAt['5h']),
  'anthropic-ratelimit-unified-representative-claim': 'five_hour',
  'anthropic-ratelimit-unified-5h-status': 'allowed',
  'anthropic-ratelimit-unified-5h-utilization': '0.425',
  'anthropic-ratelimit-unified-5h-reset': String(opensAt['5h']),
  'anthropic-ratelimit-unified-7d-status': 'allowed',
  'anthropic-ratelimit-unified-7d-utilization': '0.07',
  'anthropic-ratelimit-unified-7d-reset': String(opensAt['7d']),
};

const windows: QuotaWindow[] = [
  { window: '5h', usedPercent: 42.5, resetsAt: opensAt['5h'] * 1_000 },
  { window: '7d', usedPercent: 7, resetsAt: opensAt['7d'] * 1_000 },
];

function ofType<T extends AgentEvent['type']>(events: readonly AgentEvent[], type: T) {
  return events.filter((event): event is Extract<AgentEvent, { type: T }> => event.type === type);
}

function used(events: readonly AgentEvent[]): Usage {
  return ofType(events, 'usage')
    .map(({ usage }) => usage)
    .reduce(addUsage);
}

function answers(count: number) {
  return {
    inputTokens: count * usedTokens.input,
    cachedTokens: count * usedTokens.cached,
    outputTokens: count * usedTokens.output,
  };
}

function startedWith(events: readonly AgentEvent[]): string | undefined {
  return ofType(events, 'started')[0]?.conversation ?? undefined;
}

describe.each(wanted('headless'))('%s', (name) => {
  const { keepsUnanswered, tellsRetries, exitCodeOnError } = setUps[name];

  async function seen(world: AgentWorld, session: AgentSession, scenario: string): Promise<SessionEnd> {
    const end = await session.end;
    await keep(world, scenario, end.output);
    return end;
  }

  async function keep(world: AgentWorld, scenario: string, output: string): Promise<void> {
    if (process.env['MISSION_RECORD'] !== '1') return;
    const replacements = {
      [world.root]: '/mission',
      [new URL(world.model.url).host]: 'model',
      [cacheFolder()]: '',
    };
    await record({ name: `${name}-${agents[name].version}/${scenario}`, output, replacements });
  }

  it('tells its version', async () => {
    const world = await makeWorld(name);
    const { version } = world.runtime;
    const session = world.run({ id: 'T-1.author.1', prompt: nothingToDo });
    const answer = await session.ask(version.args);
    expect(version.pattern.exec(answer)?.[1]).toBe(agents[name].version);
    await session.end;
  });

  it('does the work, and goes on in the same conversation, each counted once', async () => {
    const world = await makeWorld(name);
    const first = await seen(world, world.run({ id: 'T-1.author.1', prompt: commit, effort: 'max' }), 'work');
    expect(first.step).toMatchObject({ end: 'exited', exitCode: 0 });
    expect(world.git('log', '--format=%s')).toBe('greet\nfirst\n');
    expect(ofType(first.events, 'tool')).toHaveLength(1);
    expect(JSON.stringify(ofType(first.events, 'tool'))).toContain('git add greeting.txt');
    expect(first.events.at(-1)).toEqual({ type: 'final', text: 'DONE after 1 tool calls' });
    expect(used(first.events)).toMatchObject(answers(2));

    const conversation = startedWith(first.events);
    const again = world.run({
      id: 'T-1.author.2',
      prompt: 'RUN: echo again > again.txt',
      conversation,
      counted: used(first.events),
    });
    const second = await seen(world, again, 'resume');
    expect(startedWith(second.events)).toBe(conversation);
    expect(readFileSync(join(world.clone, 'again.txt'), 'utf8')).toBe('again\n');
    expect(used(second.events)).toMatchObject(answers(2));
  });

  it('ends well having done nothing', async () => {
    const world = await makeWorld(name);
    const end = await seen(world, world.run({ id: 'T-1.author.1', prompt: nothingToDo }), 'no-work');
    expect(end.step).toMatchObject({ end: 'exited', exitCode: 0 });
    expect(end.events.at(-1)).toEqual({ type: 'final', text: 'DONE after 0 tool calls' });
    expect(world.git('log', '--format=%s')).toBe('first\n');
  });

  it.each(refusals)('tells of $name as $fault', async ({ name: refusal, scenario, fault }) => {
    const world = await makeWorld(name, scenario);
    const end = await seen(world, world.run({ id: 'T-1.author.1', prompt: commit }), refusal);
    expect(end.step).toMatchObject({ end: 'exited', exitCode: exitCodeOnError });
    expect(ofType(end.events, 'error')).toMatchObject([{ fault }]);
    expect(end.events.at(-1)?.type).toBe('error');
  });

  const { compacting } = setUps[name];
  it.runIf(compacting)(
    'sums up its conversation in the middle, and is one session all the same',
    async () => {
      const world = await makeWorld(name, { kind: 'remember' }, compacting ? { files: compacting } : {});
      const one = 'echo 1 > one.txt && git add one.txt && git commit --quiet --message=one';
      const two = 'echo 2 > two.txt && git add two.txt && git commit --quiet --message=two';
      const prompt = ['Two steps:', `RUN: ${one}`, `RUN: ${two}`].join('\n');
      const end = await seen(world, world.run({ id: 'T-1.author.1', prompt }), 'compacted');
      expect(end.step).toMatchObject({ end: 'exited', exitCode: 0 });
      expect(world.git('log', '--format=%s')).toBe('two\none\nfirst\n');
      expect(ofType(end.events, 'started')).toHaveLength(1);
      expect(end.events.at(-1)?.type).toBe('final');
      // Two steps and a last word, and what was asked beside them.
      expect(world.model.asked()).toBeGreaterThan(3);
      expect(used(end.events)).toMatchObject(answers(world.model.asked()));

      const conversation = startedWith(end.events);
      const again = await world.run({ id: 'T-1.author.2', prompt: commit, conversation }).end;
      expect(startedWith(again.events)).toBe(conversation);
      expect(world.git('log', '--format=%s')).toBe('greet\ntwo\none\nfirst\n');
    },
  );

  it('leaves no error behind where it tried again and got through', async () => {
    const world = await makeWorld(name, { kind: 'fail', times: 1 });
    const end = await seen(world, world.run({ id: 'T-1.author.1', prompt: commit }), 'retried');
    expect(ofType(end.events, 'error')).toEqual([]);
    expect(ofType(end.events, 'retry').length > 0).toBe(tellsRetries);
    expect(end.events.at(-1)?.type).toBe('final');
  });

  it('that waits for its model for ever is ended by the timeout', async () => {
    const world = await makeWorld(name, { kind: 'hang' });
    const session = world.run({ id: 'T-1.author.1', prompt: commit, timeoutMs: 8_000 });
    expect((await session.end).step).toMatchObject({ end: 'timed-out', exitCode: null });
    expect(processesOfRun(session.folder)).toEqual([]);
  });

  it('that is cancelled is gone, with the command that it runs', async () => {
    const world = await makeWorld(name);
    const session = world.run({ id: 'T-1.author.1', prompt: 'RUN: touch begun; sleep 61; touch survived' });
    const ended = expect(session.end).rejects.toThrow('cancelled');
    await until(() => existsSync(join(world.clone, 'begun')));
    session.cancel();
    await ended;
    expect(processesOfRun(session.folder)).toEqual([]);
  });

  it('killed at work leaves no command behind, and is taken up again where it was', async () => {
    const world = await makeWorld(name);
    const session = world.run({ id: 'T-1.author.1', prompt: 'RUN: touch begun; sleep 62; touch survived' });
    await until(() => existsSync(join(world.clone, 'begun')));
    killAgent(session, name);
    const end = await session.end;
    expect(end.step).toMatchObject({ end: 'exited', exitCode: null });
    expect(processesOfRun(session.folder)).toEqual([]);

    const conversation = startedWith(end.events) ?? (await found(world, session));
    expect(conversation).toBeDefined();
    const again = await world.run({ id: 'T-1.author.2', prompt: commit, conversation }).end;
    expect(startedWith(again.events)).toBe(conversation);
    expect(world.git('log', '--format=%s')).toBe('greet\nfirst\n');
  });

  it('killed before the first answer is taken up again, or begun afresh', async () => {
    const world = await makeWorld(name, { kind: 'hang' });
    const session = world.run({ id: 'T-1.author.1', prompt: commit });
    await until(() => world.model.asked() > 0);
    // Claude writes down the question a moment after it has asked it; killed before, it knows of no conversation.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    killAgent(session, name);
    const end = await session.end;
    const conversation = startedWith(end.events) ?? (await found(world, session));
    expect(conversation).toBeDefined();

    world.model.play({ kind: 'work' });
    const again = await world.run({ id: 'T-1.author.2', prompt: 'Go on.', conversation }).end;
    expect(startedWith(again.events)).toBe(conversation);
    expect(world.git('log', '--format=%s')).toBe(keepsUnanswered ? 'greet\nfirst\n' : 'first\n');
  });

  it('says it when there is no such conversation, or begins it', async () => {
    const world = await makeWorld(name);
    const conversation = name === 'opencode' ? 'ses_000000000000000000000000aa' : crypto.randomUUID();
    const end = await world.run({ id: 'T-1.author.2', prompt: commit, conversation }).end;
    const gone = world.runtime.complaints['conversation-gone'];
    if (!gone) {
      expect(startedWith(end.events)).toBe(conversation);
      return;
    }
    expect(startedWith(end.events)).toBeUndefined();
    expect(end.errors).toMatch(gone);
  });

  it.runIf(name === 'claude')('tells that nobody is logged in', async () => {
    const world = await makeWorld(name);
    const session = world.run({ id: 'T-1.author.1', prompt: commit, env: { ANTHROPIC_API_KEY: '' } });
    const end = await seen(world, session, 'no-login');
    expect(end.events.at(-1)).toMatchObject({ type: 'error', fault: 'auth' });
  });

  it.runIf(name === 'pi')('says that nobody is logged in, and that it lacks a model', async () => {
    const world = await makeWorld(name);
    const { auth, 'model-error': fault } = world.runtime.complaints;
    const model = 'anthropic/claude-sonnet-4-5';
    const noLogin = await world.run({ id: 'T-1.author.1', prompt: commit, model }).end;
    expect(noLogin.errors).toMatch(auth ?? /^$/);
    const noModel = await world.run({ id: 'T-1.author.2', prompt: commit, model: 'no-such/model' }).end;
    expect(noModel.errors).toMatch(fault ?? /^$/);
  });

  it.runIf(name === 'codex' || name === 'claude')('tells when a usage limit ends', async () => {
    const world = await makeWorld(name, {
      kind: 'refuse',
      status: 429,
      headers: {
        'anthropic-ratelimit-unified-status': 'rejected',
        'anthropic-ratelimit-unified-reset': String(windowOpensAt),
        'anthropic-ratelimit-unified-representative-claim': 'five_hour',
      },
      ...(name === 'codex'
        ? { body: { error: { type: 'usage_limit_reached', plan_type: 'plus', resets_at: windowOpensAt } } }
        : {}),
    });
    // Limits of a subscription: a key for the API has none.
    const env = { ANTHROPIC_API_KEY: '', CLAUDE_CODE_OAUTH_TOKEN: 'none' };
    const session = world.run({ id: 'T-1.author.1', prompt: commit, env });
    const end = await seen(world, session, 'usage-limit');
    expect(end.events.at(-1)).toMatchObject({
      type: 'error',
      fault: 'rate-limited',
      retryAt: windowOpensAt * 1_000,
    });
  });

  it('tells how much of its account’s windows is used, or nothing of it', async () => {
    const world = await makeWorld(name, { kind: 'work', headers: windowHeaders });
    const env = { ANTHROPIC_API_KEY: '', CLAUDE_CODE_OAUTH_TOKEN: 'none' };
    const since = Date.now();
    const end = await seen(world, world.run({ id: 'T-1.author.1', prompt: commit, env }), 'windows');
    const inFiles = await windowsInFiles(world, end, since);
    for (const notes of rolloutNotes(world)) await keep(world, 'windows-rollout', notes);
    const told = ofType(end.events, 'windows').at(-1)?.windows ?? inFiles;
    expect(told).toEqual(name === 'codex' || name === 'claude' ? windows : undefined);
  });

  it.runIf(name === 'codex')('tells of the window that is used up, where its message does not', async () => {
    const headers = { ...windowHeaders, 'x-codex-primary-used-percent': '100' };
    const body = { error: { type: 'usage_limit_reached', plan_type: 'plus' } };
    const world = await makeWorld(name, { kind: 'refuse', status: 429, headers, body });
    const since = Date.now();
    const end = await seen(world, world.run({ id: 'T-1.author.1', prompt: commit }), 'windows-used-up');
    expect(end.events.at(-1)).toMatchObject({ type: 'error', fault: 'rate-limited', retryAt: null });
    const [fiveHours, sevenDays] = windows;
    expect(await windowsInFiles(world, end, since)).toEqual([
      { ...fiveHours, usedPercent: 100 },
      { ...sevenDays },
    ]);

    world.model.play({ kind: 'work' });
    const conversation = startedWith(end.events);
    const later = Date.now();
    const again = await world.run({ id: 'T-1.author.2', prompt: commit, conversation }).end;
    // What the conversation's file has of earlier sessions is not this one's.
    expect(await windowsInFiles(world, again, later)).toEqual([]);
  });

  async function windowsInFiles(world: AgentWorld, { events }: SessionEnd, since: number) {
    const operator = join(world.root, 'operator');
    const env = world.runtime.homeEnvironment(operator);
    const conversation = startedWith(events) ?? '';
    return world.runtime.findWindows?.({ conversation, env, since });
  }
});

/** What codex has noted in the files of its conversations; the rest of them is what was said. */
function rolloutNotes(world: AgentWorld): string[] {
  const folder = join(world.root, 'operator/.codex/sessions');
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.jsonl'))
    .map((file) => readFileSync(join(folder, file), 'utf8').split('\n'))
    .map((lines) => lines.filter((line) => line.includes('"token_count"')).join('\n'));
}

async function found(world: AgentWorld, session: AgentSession): Promise<string | undefined> {
  return world.runtime.findConversation?.({ sessionId: 'T-1.author.1', ask: (args) => session.ask(args) });
}
