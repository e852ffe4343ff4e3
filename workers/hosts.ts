import { hostname, userInfo } from 'node:os';
import { outsideAgents } from '../activities/fleet/outside.ts';
import type { Agents } from '../activities/sessions/agents.ts';
import { agentRuntimes } from '../schema/contracts/agent.ts';
import type { HostFacts, HostRuntime } from '../schema/contracts/host.ts';
import type { Queries } from '../schema/db/database.ts';
import { registerHost, touchHost } from '../schema/db/hosts.ts';
import { packageVersion } from '../schema/package-root.ts';
import type { Closers } from './closers.ts';
import type { DataDirectory } from './data-directory.ts';
import type { EngineConfig } from './engine-config.ts';

/** The host of an engine that is alone. */
export const firstHost = 'local';

/** Often enough for a person who looks whether a host is served. */
const touchMs = 30_000;

export interface ServedHost {
  /** Notes that it is served, and what agents it has by now. */
  touch(): Promise<void>;
}

/** Makes this data directory the host of that name, or says who is. */
export async function serveHost(of: {
  queries: Queries;
  data: DataDirectory;
  name: string;
  tenant: string;
  config: Pick<EngineConfig, 'slots' | 'labels'>;
  agents: Pick<Agents, 'find'>;
  closers: Closers;
}): Promise<ServedHost> {
  const { queries, name, agents } = of;
  const identity = await of.data.identity();
  // Its missions wait for this machine, however long it is away: no lease.
  await registerHost(queries, { ...(await hostFacts({ ...of, identity })), leaseSeconds: null });
  await touch();
  // A database that is away for a while is nothing to us; the next look notes it again.
  const timer = setInterval(() => void touch().catch(() => undefined), touchMs).unref();
  of.closers.add(() => clearInterval(timer));
  return { touch };

  async function touch(): Promise<void> {
    const runtimes = await runtimesHere(agents);
    await touchHost(queries, { name, identity, runtimes, outside: countOutside(runtimes) });
  }
}

/** What this process tells of the machine that it serves. */
export async function hostFacts(of: {
  name: string;
  tenant: string;
  identity: string;
  config: Pick<EngineConfig, 'slots' | 'labels'>;
  agents: Pick<Agents, 'find'>;
}): Promise<Omit<HostFacts, 'leaseSeconds'>> {
  const { name, tenant, identity, config, agents } = of;
  const { slots, labels } = config;
  return {
    ...{ name, tenant, identity, slots, labels },
    machine: hostname(),
    user: userInfo().username,
    pid: process.pid,
    version: packageVersion(),
    runtimes: await runtimesHere(agents),
  };
}

async function runtimesHere(agents: Pick<Agents, 'find'>): Promise<HostRuntime[]> {
  const found = await Promise.all(agentRuntimes.map((name) => agents.find(name)));
  return agentRuntimes.flatMap((name, index) => {
    const agent = found[index];
    return agent ? [{ name, version: null, account: agent.settings.account ?? name }] : [];
  });
}

/** Agents at work on this machine that no engine has launched, by the account that they use. */
export function countOutside(runtimes: readonly HostRuntime[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const runtime of outsideAgents()) {
    const account = runtimes.find(({ name }) => name === runtime)?.account ?? runtime;
    counts[account] = (counts[account] ?? 0) + 1;
  }
  return counts;
}
