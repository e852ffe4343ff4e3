#!/usr/bin/env node
/**
 * An agent without a model that speaks the Agent Client Protocol by the SDK's own agent side. It keeps its conversations
 * in files, and does what the prompt says for this launch, in lines such as `AT 1: ask execute npm test, commit a.txt`.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { agent, methods, ndJsonStream, PROTOCOL_VERSION, RequestError } from '@agentclientprotocol/sdk';

const home = process.env.STUB_ACP_HOME;
const conversations = join(home, 'conversations');
mkdirSync(conversations, { recursive: true });
const keepsNone = process.argv.includes('--keeps-none');
const cancelled = new AbortController();
const modes = { currentModeId: 'ask', availableModes: ['ask', 'free'].map((id) => ({ id, name: id })) };
const configOptions = [
  {
    type: 'select',
    id: 'm',
    name: 'Model',
    category: 'model',
    currentValue: 'small',
    options: ['small', 'large'].map((value) => ({ value, name: value })),
  },
];

agent({ name: 'stub' })
  .onRequest(methods.agent.initialize, () => ({
    protocolVersion: PROTOCOL_VERSION,
    agentCapabilities: { loadSession: !keepsNone },
    agentInfo: { name: 'stub', version: '4.5.6' },
  }))
  .onRequest(methods.agent.session.new, () => {
    note('begun', process.argv.slice(2));
    const sessionId = randomUUID();
    if (!keepsNone) writeFileSync(join(conversations, sessionId), '');
    return { sessionId, modes, configOptions };
  })
  .onRequest(methods.agent.session.load, async ({ params, client }) => {
    note('loaded', params.sessionId);
    if (!existsSync(join(conversations, params.sessionId)))
      throw RequestError.resourceNotFound(params.sessionId);
    const update = { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text: 'long ago' } };
    await client.notify(methods.client.session.update, { sessionId: params.sessionId, update });
    return { modes, configOptions };
  })
  .onRequest(methods.agent.session.setMode, ({ params }) => void note('mode', params.modeId))
  .onRequest(methods.agent.session.setConfigOption, ({ params }) => {
    note('model', params.value);
    return { configOptions: configOptions.map((option) => ({ ...option, currentValue: params.value })) };
  })
  .onNotification(methods.agent.session.cancel, () => {
    note('cancelled', true);
    cancelled.abort();
  })
  .onRequest(methods.agent.session.prompt, async ({ params, client }) => {
    const prompt = params.prompt.map(({ text }) => text).join('');
    const acts = prompt.match(new RegExp(`^AT ${process.env.MISSION_LAUNCH}: (.*)$`, 'm'))?.[1] ?? 'nothing';
    const world = { client, sessionId: params.sessionId };
    for (const act of acts.split(', ')) {
      if (cancelled.signal.aborted) break;
      await perform(world, act.split(' '));
    }
    const usage = { totalTokens: 1_110, inputTokens: 900, cachedReadTokens: 200, outputTokens: 10 };
    return { stopReason: cancelled.signal.aborted ? 'cancelled' : 'end_turn', usage };
  })
  .connect(ndJsonStream(Writable.toWeb(process.stdout), Readable.toWeb(process.stdin)));

async function perform({ client, sessionId }, [act, what = '', ...more]) {
  const rest = more.join(' ');
  switch (act) {
    case 'commit':
      await tell({ sessionUpdate: 'tool_call', toolCallId: what, title: `Write ${what}`, kind: 'edit' });
      run(`echo work >> ${what} && git add --all && git commit --quiet --message 'Add ${what}'`);
      return;
    case 'ask': {
      const toolCallId = randomUUID();
      await tell({
        sessionUpdate: 'tool_call',
        toolCallId,
        title: `Run ${rest}`,
        kind: what,
        rawInput: { command: rest },
      });
      const options = [
        { optionId: 'yes', name: 'Yes', kind: 'allow_once' },
        { optionId: 'no', name: 'No', kind: 'reject_once' },
      ];
      // As agents do, in fewer words than it was told in.
      const asked = { sessionId, toolCall: { toolCallId }, options };
      const { outcome } = await client.request(methods.client.session.requestPermission, asked);
      note('answered', outcome.optionId ?? outcome.outcome);
      if (outcome.optionId === 'yes') run(rest);
      return;
    }
    case 'say':
      for (const text of [what, ...more]) {
        await tell({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text: `${text} ` } });
      }
      return;
    case 'spend':
      await tell({
        sessionUpdate: 'usage_update',
        used: 1,
        size: 100,
        cost: { amount: Number(what), currency: 'USD' },
      });
      return;
    case 'orphan':
      note('orphan', spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }).pid);
      return;
    case 'forget':
      rmSync(join(conversations, sessionId));
      return;
    case 'hang':
      note('hanging', process.pid);
      await sleep(600_000, undefined, { signal: cancelled.signal }).catch(() => undefined);
      return;
    case 'ignore':
      note('hanging', process.pid);
      await sleep(600_000);
      return;
    case 'die':
      process.kill(process.pid, 'SIGKILL');
      await sleep(10_000);
      return;
    case 'keep-quiet': {
      // As pi does: its adapter tells nothing, and the turn ends like any other.
      const used = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, cost: { total: 0 } };
      const message = {
        role: 'assistant',
        content: [],
        usage: used,
        stopReason: 'error',
        errorMessage: `${what} ${rest}`,
      };
      const line = { type: 'message', timestamp: new Date().toISOString(), message };
      mkdirSync(join(process.env.PI_CODING_AGENT_DIR, 'sessions'), { recursive: true });
      const file = join(process.env.PI_CODING_AGENT_DIR, 'sessions', `now_${sessionId}.jsonl`);
      appendFileSync(file, `${JSON.stringify(line)}\n`);
      return;
    }
    case 'login':
      throw RequestError.authRequired();
    case 'fail':
      throw new RequestError(-32_603, [what, ...more].join(' '));
  }

  async function tell(update) {
    await client.notify(methods.client.session.update, { sessionId, update });
  }
}

function run(command) {
  execFileSync('sh', ['-c', command], { stdio: 'ignore' });
}

function note(name, value) {
  appendFileSync(join(home, name), `${JSON.stringify(value)}\n`);
}
