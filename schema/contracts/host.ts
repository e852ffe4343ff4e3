/** Hosts: the machines, and on them the data directories, that sessions run on. */
import { z } from 'zod';
import { RuntimeName } from './agent.ts';
import { Name } from './names.ts';

/** An agent that a host has, and whose limits its sessions share: on all hosts that name the same account. */
export const HostRuntime = z.object({
  name: RuntimeName,
  version: z.string().nullable(),
  account: Name,
});
export type HostRuntime = z.infer<typeof HostRuntime>;

/** What a host tells of itself when it joins. */
export const HostFacts = z.object({
  name: Name,
  tenant: Name,
  /** Random, kept in its data directory: what tells it from another of the same name. */
  identity: z.string().min(1),
  machine: z.string(),
  /** The Linux user that everything on it runs as. */
  user: z.string(),
  pid: z.int(),
  /** Of the mission engine that serves it. */
  version: z.string(),
  /** How many programs it runs at once. */
  slots: z.int().min(1).max(1_000),
  labels: z.array(Name).max(50),
  runtimes: z.array(HostRuntime).max(50),
  /**
   * How long its runs live on without word from the Temporal server. Null: for ever, and what was begun there goes on
   * nowhere else.
   */
  leaseSeconds: z.int().min(5).max(86_400).nullable(),
});
export type HostFacts = z.infer<typeof HostFacts>;

/**
 * `silent`: not heard of for a moment, so nothing new is placed there. `lost`: for so long that its runs have ended
 * themselves. `left`: it was drained, and has gone.
 */
export const HostState = z.enum(['up', 'draining', 'silent', 'lost', 'left']);
export type HostState = z.infer<typeof HostState>;

/** A host as people see it. Times in milliseconds since 1970. */
export const Host = HostFacts.omit({ identity: true }).extend({
  state: HostState,
  since: z.number(),
  seenAt: z.number(),
});
export type Host = z.infer<typeof Host>;
