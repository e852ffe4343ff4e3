/**
 * The programs that run agents by the Agent Client Protocol, as the engine runs them, on a model that plays a script:
 * `npm run conformance -- acp:codex acp:pi`.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { processesOfRun } from '../../activities/processes/tree.ts';
import { adapters as commands, createAcp } from '../../activities/sessions/runtimes/acp.ts';
import { runtimes } from '../../activities/sessions/runtimes/runtimes.ts';
import type { AgentEvent, AgentRuntime } from '../../schema/contracts/agent.ts';
import { builtFolder } from '../../schema/package-root.ts';
import { adapterFolders } from '../../scripts/agents.mjs';
import { until } from '../support/until.ts';
import {
  commit,
  killAgent,
  makeWorld,
  refusals,
  type AgentWorld,
  type SessionEnd,
  type Stead,
} from './agent-sessions.ts';
import type { Scenario } from './model-server.ts';
import { wanted } from './programs.ts';

/** How each is told of its model: none is named to them, since they offer models by names of their own. */
const more: Record<AgentRuntime, Pick<Stead, 'files' | 'env'>> = {
  codex: {
    files: (own) => {
      const config = '.codex/config.toml';
      return { [config]: `model = "scripted-model"\n${own[config] ?? ''}` };
    },
  },
  pi: {
    files: () => ({
      '.pi/agent/settings.json': JSON.stringify({
        retry: { maxRetries: 2, baseDelayMs: 100 },
        defaultProvider: 'scripted',
        defaultModel: 'scripted-model',
      }),
    }),
  },
  opencode: { env: { OPENCODE_CONFIG_CONTENT: JSON.stringify({ model: 'scripted/scripted-model' }) } },
  claude: { env: { ANTHROPIC_MODEL: 'claude-scripted' } },
};

function startedWith(events: readonly AgentEvent[]) {
  return events.find((event) => event.type === 'started');
}

describe.each(wanted('acp'))('%s by the Agent Client Protocol', (name) => {
  const driver = createAcp({
    client: join(builtFolder(), 'acp-client.js'),
    adapter: commands[name],
    permissions: undefined,
    homeEnvironment: (home) => runtimes[name].homeEnvironment(home),
  });
  const newWorld = (scenario?: Scenario) =>
    makeWorld(name, scenario, { driver, folders: adapterFolders(name), ...more[name] });

  it('does the work, tells its version, and goes on in the same conversation by session/load', async () => {
    const world = await newWorld();
    const first = await world.run({ id: 'm.T-1.author.1', prompt: commit }).end;
    expect(first).toMatchObject({ step: { end: 'exited', exitCode: 0 } });
    expect(world.git('log', '--format=%s')).toBe('greet\nfirst\n');
    expect(first.events.at(-1)).toMatchObject({ type: 'final' });
    const started = startedWith(first.events);
    expect(started?.version).toMatch(/^\d+\.\d+/);
    const conversation = started?.conversation ?? undefined;
    expect(conversation).toBeDefined();

    const again = world.run({ id: 'm.T-1.author.2', prompt: 'RUN: echo again > again.txt', conversation });
    const second = await again.end;
    expect(startedWith(second.events)?.conversation).toBe(conversation);
    expect(readFileSync(join(world.clone, 'again.txt'), 'utf8')).toBe('again\n');
  });

  it('that is cancelled is gone, with the command that it runs', async () => {
    const world = await newWorld();
    const session = world.run({ id: 'm.T-1.author.1', prompt: 'RUN: touch begun; sleep 61; touch survived' });
    const ended = expect(session.end).rejects.toThrow('cancelled');
    await until(() => existsSync(join(world.clone, 'begun')));
    session.cancel();
    await ended;
    expect(processesOfRun(session.folder)).toEqual([]);
  });

  it.each(refusals)('tells of $name as $fault', async ({ scenario, fault }) => {
    const world = await newWorld(scenario);
    const since = Date.now();
    const end = await world.run({ id: 'm.T-1.author.1', prompt: commit }).end;
    expect(end.step).toMatchObject({ end: 'exited' });
    expect(await faultOf(world, end, since)).toMatchObject({ type: 'error', fault });
  });

  it('leaves no error behind where it tried again and got through', async () => {
    const world = await newWorld({ kind: 'fail', times: 1 });
    const since = Date.now();
    const end = await world.run({ id: 'm.T-1.author.1', prompt: commit }).end;
    expect(end.events.at(-1)).toMatchObject({ type: 'final' });
    expect(await faultOf(world, end, since)).toBeUndefined();
    expect(world.git('log', '--format=%s')).toBe('greet\nfirst\n');
  });

  it('that waits for its model for ever is ended as stalled', async () => {
    const world = await newWorld({ kind: 'hang' });
    const session = world.run({ id: 'm.T-1.author.1', prompt: commit, stallMs: 8_000 });
    expect((await session.end).step).toMatchObject({ end: 'stalled', exitCode: null });
    expect(processesOfRun(session.folder)).toEqual([]);
  });

  it('killed at work leaves no command behind, and is taken up again where it was', async () => {
    const world = await newWorld();
    const session = world.run({ id: 'm.T-1.author.1', prompt: 'RUN: touch begun; sleep 62; touch survived' });
    await until(() => existsSync(join(world.clone, 'begun')));
    killAgent(session, name);
    const end = await session.end;
    expect(end.step).toMatchObject({ end: 'exited', exitCode: null });
    expect(processesOfRun(session.folder)).toEqual([]);

    const conversation = startedWith(end.events)?.conversation ?? undefined;
    expect(conversation).toBeDefined();
    const again = await world.run({ id: 'm.T-1.author.2', prompt: commit, conversation }).end;
    expect(startedWith(again.events)?.conversation).toBe(conversation);
    expect(world.git('log', '--format=%s')).toBe('greet\nfirst\n');
  });

  it('says it when there is no such conversation', async () => {
    const world = await newWorld();
    const conversation = name === 'opencode' ? 'ses_000000000000000000000000aa' : crypto.randomUUID();
    const end = await world.run({ id: 'm.T-1.author.2', prompt: commit, conversation }).end;
    expect(end.errors).toMatch(driver.complaints['conversation-gone'] ?? /^$/);
    expect(startedWith(end.events)).toBeUndefined();
  });

  /** What it has told at last, or else left in its own files. */
  async function faultOf(world: AgentWorld, { events }: SessionEnd, since: number) {
    const last = events.at(-1);
    if (last?.type === 'error') return last;
    const conversation = startedWith(events)?.conversation ?? '';
    const env = world.runtime.homeEnvironment(join(world.root, 'operator'));
    return driver.findFault?.({ conversation, env, since });
  }
});
