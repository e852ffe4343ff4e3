/** What `mission doctor` looks at, beside an engine that runs and without one. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Readiness, type Probed } from '../../schema/contracts/probe.ts';
import { lockUnlessInUse, readAddress, type EngineAddress } from '../../workers/data-directory.ts';
import { preflight, probe, probeMs, probeStoppedPglite, probeTemporal } from '../../workers/probes.ts';
import { hostCommandLine } from './host-options.ts';
import { findOnPath } from '../toolchain.mjs';

export async function examine(of: {
  data: string;
  temporal: string | undefined;
  databaseUrl: string | undefined;
}): Promise<Probed[]> {
  const address = await readAddress(of.data);
  const { engine, readiness } = await askEngine(address);
  const [machine, temporal, database] = await Promise.all([
    preflight(of),
    of.temporal === undefined ? probeOwnTemporal(address) : [],
    of.databaseUrl === undefined ? probeEmbedded(of.data, readiness) : [],
  ]);
  return [...machine, ...temporal, ...database, platform(), user(), engine, ...hosts(address)];
}

/** What the engine itself says, if one answers. */
async function askEngine(
  address: EngineAddress | undefined,
): Promise<{ engine: Probed; readiness?: Readiness }> {
  if (!address) {
    const message = 'not running: start it with `mission up`';
    return { engine: { name: 'engine', state: 'warning', message } };
  }
  let readiness: Readiness | undefined;
  const engine = await probe({
    name: 'engine',
    remedy: `nobody is there at ${address.url}: start it with \`mission up\``,
    look: async () => {
      const response = await fetch(`${address.url}/readyz`, { signal: AbortSignal.timeout(probeMs) });
      readiness = Readiness.parse(await response.json());
      const failed = Object.entries(readiness.checks).filter(([, state]) => state === 'failed');
      if (failed.length === 0) return { state: 'ok', message: `ready at ${address.url}` };
      const names = failed.map(([name]) => name).join(', ');
      return { state: 'failed', message: `${address.url} is not ready: look at ${names}` };
    },
  });
  return { engine, ...(readiness ? { readiness } : {}) };
}

async function probeOwnTemporal(address: EngineAddress | undefined): Promise<Probed[]> {
  if (address) return [await probeTemporal(address.temporal)];
  const path = findOnPath('temporal');
  return [{ name: 'temporal', state: 'ok', message: path ?? 'not on PATH: `mission up` fetches it' }];
}

/** Two processes in one PGlite would ruin it: only the engine is asked while there is one. */
async function probeEmbedded(data: string, readiness: Readiness | undefined): Promise<Probed[]> {
  if (readiness) {
    return ['database', 'pgvector', 'migrations'].flatMap((name) => {
      const state = readiness.checks[name];
      const message = state === 'failed' ? 'says the engine: its log says more' : 'says the engine';
      return state === undefined ? [] : [{ name, state, message }];
    });
  }
  const folder = join(data, 'pglite');
  if (!existsSync(join(folder, 'PG_VERSION'))) {
    return [{ name: 'database', state: 'ok', message: `none yet: \`mission up\` makes it in ${folder}` }];
  }
  const release = await lockUnlessInUse(data);
  if (release) return probeStoppedPglite({ folder, release });
  const message = 'an engine works on it that does not answer: wait for it, or stop it';
  return [{ name: 'database', state: 'failed', message }];
}

/** How other machines may run sessions for this engine. */
function hosts(address: EngineAddress | undefined): Probed[] {
  return address ? [{ name: 'hosts', state: 'ok', message: hostCommandLine(address) }] : [];
}

function platform(): Probed {
  const name = 'platform';
  if (process.platform === 'linux') return { name, state: 'ok', message: 'linux' };
  const message = `${process.platform}: sessions are found again through /proc, so the engine needs Linux`;
  return { name, state: 'failed', message };
}

function user(): Probed {
  const message =
    'agents run as this very user and could read the engine’s files: give the engine a user of its own';
  return { name: 'user', state: 'warning', message };
}
