import { hostname, userInfo } from 'node:os';
import type { Agents } from '../activities/sessions/agents.ts';
import { agentRuntimes } from '../schema/contracts/agent.ts';
import type { HostFacts } from '../schema/contracts/host.ts';
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

/** Makes this data directory the host of that name, or says who is. */
export async function serveHost(of: {
  queries: Queries;
  data: DataDirectory;
  name: string;
  tenant: string;
  config: Pick<EngineConfig, 'slots' | 'labels'>;
  agents: Pick<Agents, 'find'>;
  closers: Closers;
}): Promise<void> {
  const { queries, name } = of;
  const identity = await of.data.identity();
  // Its missions wait for this machine, however long it is away: no lease.
  await registerHost(queries, { ...(await hostFacts({ ...of, identity })), leaseSeconds: null });
  // A database that is away for a while is nothing to us; the next look notes it again.
  const touch = () => void touchHost(queries, { name, identity }).catch(() => undefined);
  const timer = setInterval(touch, touchMs).unref();
  of.closers.add(() => clearInterval(timer));
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
  const found = await Promise.all(agentRuntimes.map((runtime) => agents.find(runtime)));
  const here = agentRuntimes.filter((_, index) => found[index] !== undefined);
  return {
    ...{ name, tenant, identity, slots, labels },
    machine: hostname(),
    user: userInfo().username,
    pid: process.pid,
    version: packageVersion(),
    // One login for each program, until the operator tells of more.
    runtimes: here.map((runtime) => ({ name: runtime, version: null, account: runtime })),
  };
}
