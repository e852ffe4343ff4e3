import { hostname, userInfo } from 'node:os';
import { outsideAgents } from '../activities/fleet/outside.ts';
import type { Agents } from '../activities/sessions/agents.ts';
import { runtimeName, type RuntimeName } from '../schema/contracts/agent.ts';
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
  agents: Pick<Agents, 'known' | 'find' | 'version'>;
  closers: Closers;
}): Promise<ServedHost> {
  const { queries, name, agents } = of;
  const identity = await of.data.identity();
  const versions = new Map<RuntimeName, string>();
  // Its missions wait for this machine, however long it is away: no lease.
  await registerHost(queries, { ...(await hostFacts({ ...of, identity, versions })), leaseSeconds: null });
  await touch();
  // A database that is away for a while is nothing to us; the next look notes it again.
  const timer = setInterval(() => void touch().catch(() => undefined), touchMs).unref();
  of.closers.add(() => clearInterval(timer));
  return { touch };

  async function touch(): Promise<void> {
    const runtimes = await runtimesHere(agents, versions);
    await touchHost(queries, { name, identity, runtimes, outside: countOutside(runtimes) });
    // For the next time: a program may take seconds to tell its version, and nothing waits for that.
    void learnVersions(agents, versions).catch(() => undefined);
  }
}

/** What this process tells of the machine that it serves. */
export async function hostFacts(of: {
  name: string;
  tenant: string;
  identity: string;
  config: Pick<EngineConfig, 'slots' | 'labels'>;
  agents: Pick<Agents, 'known' | 'find'>;
  versions: Versions;
}): Promise<Omit<HostFacts, 'leaseSeconds'>> {
  const { name, tenant, identity, config, agents } = of;
  const { slots, labels } = config;
  return {
    ...{ name, tenant, identity, slots, labels },
    machine: hostname(),
    user: userInfo().username,
    pid: process.pid,
    version: packageVersion(),
    runtimes: await runtimesHere(agents, of.versions),
  };
}

type Versions = ReadonlyMap<RuntimeName, string>;

/** Asks the programs that are here for their versions. */
export async function learnVersions(
  agents: Pick<Agents, 'known' | 'version'>,
  versions: Map<RuntimeName, string>,
): Promise<Versions> {
  await Promise.all(
    agents.known.map(async (named) => {
      const name = runtimeName(named);
      const version = await agents.version(named);
      if (version === undefined) versions.delete(name);
      else versions.set(name, version);
    }),
  );
  return versions;
}

async function runtimesHere(
  agents: Pick<Agents, 'known' | 'find'>,
  versions: Versions,
): Promise<HostRuntime[]> {
  const looked = agents.known.map(async (named) => {
    const found = await agents.find(named);
    if (found.kind === 'absent') return [];
    const name = runtimeName(named);
    const { account = name } = found.agent.settings;
    return [{ name, version: versions.get(name) ?? null, account }];
  });
  return (await Promise.all(looked)).flat();
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
