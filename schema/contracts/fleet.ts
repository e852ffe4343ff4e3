/** The fleet as it is seen and told: what commands print, and what the API answers. */
import { z } from 'zod';
import { AgentRuntime } from './agent.ts';
import { Name } from './names.ts';
import { Probed } from './probe.ts';

/** `silent`: it is there, and has written nothing for the time after which somebody should look. */
export const AgentState = z.enum(['healthy', 'silent', 'stopped']);
export type AgentState = z.infer<typeof AgentState>;

/** `no-linger`: it is enabled, but this person's units start only when the person logs in. */
export const Boot = z.enum(['enabled', 'no-unit', 'no-linger']);
export type Boot = z.infer<typeof Boot>;

const Where = z.object({ tenant: z.string(), host: z.string().describe('The machine, by its own name') });

/** An agent in a terminal. */
export const AgentView = Where.extend({
  name: z.string(),
  state: AgentState,
  runtime: AgentRuntime.optional().describe('That of the roster; missing where the roster has no such agent'),
  class: z.string().optional(),
  pid: z.int().optional(),
  running: z.string().optional().describe('The program that runs, as its processes show it'),
  writtenAt: z.iso.datetime().optional().describe('When it last wrote something'),
  boot: Boot.optional().describe('Whether it is back after a reboot; missing without systemd'),
  drift: z.string().optional().describe('In what it differs from the roster'),
});
export type AgentView = z.infer<typeof AgentView>;

/**
 * `starting`: its runner has not come up yet. `silent`: its runner lives, and the agent has told nothing for as long
 * as an agent in a terminal may. `stale`: its runner lives, but has not touched its heartbeat three times in a row.
 * `unknown`: there is no heartbeat. `lost`: its runner is gone, and has left no result.
 */
export const SessionState = z.enum(['starting', 'working', 'silent', 'stale', 'unknown', 'lost', 'ended']);
export type SessionState = z.infer<typeof SessionState>;

/** A mission's session on this machine. */
export const SessionView = Where.extend({
  session: z.string(),
  mission: z.string(),
  task: z.string(),
  role: z.string(),
  runtime: z.string(),
  state: SessionState,
  pid: z.int().optional().describe('Of its runner'),
  running: z.string().optional(),
  writtenAt: z.iso.datetime().optional().describe('When its program last wrote something'),
  terminal: z.string().optional().describe('Where it can be watched: its name in tmux; missing without one'),
});
export type SessionView = z.infer<typeof SessionView>;

export const FleetView = Where.extend({
  socket: z.string().describe('The tmux server of the agents'),
  systemd: z.boolean().describe('Whether the machine has systemd, so that `boot` is known'),
  agents: z.array(AgentView),
  sessions: z.array(SessionView),
});
export type FleetView = z.infer<typeof FleetView>;

export const FleetVerification = z.object({
  path: z.string(),
  found: z.boolean().describe('Without a file the fleet has no agents'),
  probes: z.array(Probed),
});
export type FleetVerification = z.infer<typeof FleetVerification>;

/** An agent as the roster names it. */
export const RosterEntry = z.object({
  name: z.string(),
  runtime: AgentRuntime,
  class: z.string(),
  workingDirectory: z.string(),
  modelHint: z.string().optional(),
  persistentPersona: z.union([z.boolean(), z.literal('semi')]),
  resetBetweenTasks: z.boolean(),
  kickstartTemplate: z.string().optional(),
  resetCommand: z.string(),
});
export type RosterEntry = z.infer<typeof RosterEntry>;

/** Agents of the roster; without them all. */
export const FleetRequest = z.strictObject({ agents: z.array(Name).max(500).default([]) });
export type FleetRequest = z.infer<typeof FleetRequest>;

export const FleetAction = z.enum(['start', 'stop', 'restart']);
export type FleetAction = z.infer<typeof FleetAction>;

/** What was done with one of several agents. */
export const Done = z.object({
  name: z.string(),
  done: z.enum(['started', 'running', 'stopped', 'not-running', 'failed']),
  message: z.string().optional().describe('Why it failed, and what to do'),
});
export type Done = z.infer<typeof Done>;

/** `unverifiable`: the screen shows neither. It may have been read or not: look, before it is sent again. */
export const Delivery = z.enum(['accepted', 'draft', 'unverifiable']);
export type Delivery = z.infer<typeof Delivery>;

/** As long as what fits well in a terminal's paste; a longer brief belongs in a file that the message names. */
export const SendRequest = z.strictObject({
  text: z.string().max(10_000).regex(/\S/, 'the message is empty'),
  verify: z.boolean().default(false).describe('Look for up to 6 s whether it was accepted'),
});
export type SendRequest = z.infer<typeof SendRequest>;

export const Sent = z.object({
  message: z.string().describe('As it was pasted, with its sender'),
  delivery: z.union([Delivery, z.literal('sent')]).describe('`sent` where nobody asked for a look'),
});
export type Sent = z.infer<typeof Sent>;

export const Reset = z.object({
  how: z.enum(['reset', 'started']).describe('`started`: it did not run, or another program did'),
  kickstarted: z.boolean().describe('Whether it was given a first prompt'),
});
export type Reset = z.infer<typeof Reset>;

export const Screen = z.object({ lines: z.array(z.string()), cursor: z.object({ x: z.int(), y: z.int() }) });
export type Screen = z.infer<typeof Screen>;

/** An agent of the roster, or a mission's session, whose id has four parts. */
export const AgentOrSession = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}(?:(?:\.[A-Za-z0-9][A-Za-z0-9_-]{0,62}){3})?$/,
    'is neither the name of an agent nor the id of a session',
  );
export type AgentOrSession = z.infer<typeof AgentOrSession>;

/** Where the fleet of a machine is looked at, told and written to. The commands and the API both ask it. */
export interface FleetDesk {
  /** Sessions that have ended only where they are asked for. */
  ps(of: { ended: boolean }): Promise<FleetView>;
  verify(): Promise<FleetVerification>;
  roster(): Promise<RosterEntry[]>;
  /** One that fails does not keep the others from it. */
  act(of: FleetRequest & { action: FleetAction }): Promise<Done[]>;
  status(name: AgentOrSession): Promise<AgentView | SessionView>;
  /** The last lines on an agent's terminal; of a session what it told, in readable form. */
  tail(of: { name: AgentOrSession; lines: number }): Promise<string[]>;
  /** Reads only: the window keeps its size. Refuses what has no terminal. */
  screen(name: AgentOrSession): Promise<Screen>;
  send(of: SendRequest & { name: AgentOrSession; source: string }): Promise<Sent>;
  reset(name: AgentOrSession): Promise<Reset>;
}

/** What can't be done with the fleet, and what to do about it; its words hold no secret. */
export class FleetRefusal extends Error {
  override readonly name = 'FleetRefusal';
  readonly kind: 'not-found' | 'conflict';

  constructor(kind: 'not-found' | 'conflict', message: string) {
    super(message);
    this.kind = kind;
  }
}
