/** Writes to an agent's terminal, as a person would. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  FleetRefusal,
  type Delivery,
  type Reset,
  type Screen,
  type Sent,
} from '../../schema/contracts/fleet.ts';
import { runtimeOf, type RosterAgent } from '../../schema/contracts/roster.ts';
import { orchestratorPrompt } from '../sessions/prompt.ts';
import { judgeDelivery } from './delivery.ts';
import type { Fleet } from './fleet.ts';
import { printable } from './printable.ts';
import type { Tmux } from './tmux.ts';

/** Programs take an Enter that comes at once for a part of the paste. */
const pasteMs = 300;

const lookMs = 400;
const lookForMs = 6_000;

/** A screen that has stood still for this long is one that waits; after the second time it is not waited for. */
const stillMs = 1_000;
const stillWithinMs = 20_000;

export async function sendMessage(of: {
  tmux: Tmux;
  source: string;
  target: string;
  text: string;
  verify: boolean;
}): Promise<Sent> {
  const { tmux, source, target, text, verify } = of;
  const message = `[${source} -> ${target}] ${printable(text).trim()}`;
  const pasted = await write({ tmux, target, text: message });
  return { message, delivery: verify ? await verified({ tmux, target, message, pasted }) : 'sent' };
}

/** Looks until the agent has accepted; what was seen last is the answer. */
async function verified(of: {
  tmux: Tmux;
  target: string;
  message: string;
  pasted: Screen;
}): Promise<Delivery> {
  const until = Date.now() + lookForMs;
  let delivery: Delivery = 'unverifiable';
  while (Date.now() < until && delivery !== 'accepted') {
    await setTimeout(lookMs);
    // An agent that has gone has accepted nothing.
    const now = await of.tmux.screen(of.target).catch(() => undefined);
    if (now === undefined) return 'unverifiable';
    delivery = judgeDelivery({ ...of, now });
  }
  return delivery;
}

type Terminals = Pick<Tmux, 'paste' | 'screen' | 'pressEnter'>;

async function write(of: { tmux: Terminals; target: string; text: string }): Promise<Screen> {
  await of.tmux.paste(of.target, of.text);
  await setTimeout(pasteMs);
  const pasted = await of.tmux.screen(of.target);
  await of.tmux.pressEnter(of.target);
  return pasted;
}

/** Makes an agent forget its conversation and gives it its first prompt again; one that does not run is started. */
export async function resetAgent(of: {
  fleet: Pick<Fleet, 'roster' | 'status' | 'start' | 'stop'> & { tmux: Terminals };
  agent: RosterAgent;
  templates: string;
}): Promise<Reset> {
  const { fleet, agent, templates } = of;
  const { roster, tmux } = fleet;
  // Before anything is done: without its prompt the agent would stay without work.
  const prompt = await kickstartOf(agent, templates);
  const [status] = (await fleet.status()).filter(({ name }) => name === agent.name);
  const runs = status?.state !== 'stopped' && status?.drift === undefined;
  if (runs) await write({ tmux, target: agent.name, text: runtimeOf(roster, agent.runtime).resetCommand });
  else {
    await fleet.stop(agent);
    await fleet.start(agent);
  }
  if (prompt !== undefined) {
    await stillness(tmux, agent.name);
    await write({ tmux, target: agent.name, text: prompt });
  }
  return { how: runs ? 'reset' : 'started', kickstarted: prompt !== undefined };
}

async function kickstartOf(agent: RosterAgent, templates: string): Promise<string | undefined> {
  if (agent.kickstartTemplate === undefined) {
    return agent.class === 'orchestrator' ? orchestratorPrompt(agent).trim() : undefined;
  }
  const path = join(templates, `${agent.kickstartTemplate}.md`);
  const text = await readFile(path, 'utf8').catch(() => {
    const message = `${agent.name} has the kickstartTemplate ${agent.kickstartTemplate}: write ${path}`;
    throw new FleetRefusal('conflict', message);
  });
  return printable(text).trim();
}

async function stillness(tmux: Terminals, name: string): Promise<void> {
  const until = Date.now() + stillWithinMs;
  let before = '';
  while (Date.now() < until) {
    await setTimeout(stillMs);
    const { lines } = await tmux.screen(name);
    const now = lines.join('\n');
    if (now === before && now.trim() !== '') return;
    before = now;
  }
}
