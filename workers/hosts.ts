import { hostname } from 'node:os';
import type { Queries } from '../schema/db/database.ts';
import { registerHost, touchHost } from '../schema/db/hosts.ts';
import type { Closers } from './closers.ts';
import type { DataDirectory } from './data-directory.ts';

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
  closers: Closers;
}): Promise<void> {
  const { queries, name, tenant } = of;
  const identity = await of.data.identity();
  await registerHost(queries, { name, tenantId: tenant, identity, machine: hostname(), pid: process.pid });
  // A database that is away for a while is nothing to us; the next look notes it again.
  const touch = () => void touchHost(queries, { name, identity }).catch(() => undefined);
  const timer = setInterval(touch, touchMs).unref();
  of.closers.add(() => clearInterval(timer));
}
