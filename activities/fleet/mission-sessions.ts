/** The sessions of missions on this machine, as their folders tell of them: no engine needs to run. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { SessionState, SessionView } from '../../schema/contracts/fleet.ts';
import { exists } from '../files.ts';
import { runFiles, RunnerIdentity, RunSpec } from '../processes/spec.ts';
import { isAlive, processTree } from '../processes/tree.ts';
import { silentAfterMs } from './fleet.ts';
import { runningProgram } from './running.ts';

export type MissionSession = Omit<SessionView, 'tenant' | 'host' | 'writtenAt'> & {
  writtenAt: number | undefined;
};

/** Three that did not come: one may be late on a loaded machine. */
const missedBeats = 3;

const Heartbeat = z.object({ ts: z.iso.datetime(), last_event: z.iso.datetime() });

/** Those that live, or all; in the order of their ids. `sessions` is the folder of all of them. */
export async function listSessions(of: {
  sessions: string;
  ended: boolean;
  now: number;
}): Promise<MissionSession[]> {
  const { sessions, ended, now } = of;
  const found: MissionSession[] = [];
  for (const session of (await readdir(sessions).catch(() => [])).sort()) {
    // Most have ended long ago: of those not even the spec is read.
    if (!ended && (await exists(join(sessions, session, runFiles.result)))) continue;
    const read = await readSession({ sessions, session, now });
    if (read !== undefined && (ended || read.state !== 'lost')) found.push(read);
  }
  return found;
}

/** Undefined: there is no such session, or it is only being prepared. */
export async function readSession(of: {
  sessions: string;
  session: string;
  now: number;
}): Promise<MissionSession | undefined> {
  const { sessions, session, now } = of;
  const [mission, task, role, launch] = session.split('.');
  if (mission === undefined || task === undefined || role === undefined || launch === undefined)
    return undefined;
  const folder = join(sessions, session);
  const spec = await readJson(join(folder, runFiles.spec), RunSpec);
  if (spec === undefined) return undefined;
  const heartbeat = await readHeartbeat(join(folder, runFiles.heartbeat));
  const runner = await readJson(join(folder, runFiles.runner), RunnerIdentity);
  const alive = runner !== undefined && isAlive(runner) ? runner.pid : undefined;
  // After the look at the runner: it writes its result before it goes.
  const hasEnded = await exists(join(folder, runFiles.result));
  const state = hasEnded ? 'ended' : stateOf({ spec, claimed: runner !== undefined, alive, heartbeat, now });
  const running = alive === undefined ? undefined : runningProgram(processTree(alive).slice(1));
  return {
    ...{ session, mission, task, role, state },
    runtime: spec.steps[0]?.name ?? 'unknown',
    ...(alive === undefined ? {} : { pid: alive }),
    ...(running === undefined ? {} : { running }),
    writtenAt: heartbeat === undefined ? undefined : Date.parse(heartbeat.last_event),
  };
}

function stateOf(of: {
  spec: RunSpec;
  claimed: boolean;
  alive: number | undefined;
  heartbeat: z.infer<typeof Heartbeat> | undefined;
  now: number;
}): SessionState {
  const { spec, claimed, alive, heartbeat, now } = of;
  if (!claimed) return 'starting';
  if (alive === undefined) return 'lost';
  if (heartbeat === undefined) return 'unknown';
  if (now - Date.parse(heartbeat.ts) > missedBeats * spec.heartbeatMs) return 'stale';
  const silentMs = Math.min(spec.steps[0]?.stallMs ?? silentAfterMs, silentAfterMs);
  return now - Date.parse(heartbeat.last_event) > silentMs ? 'silent' : 'working';
}

/** `ts=… pid=… status=… last_event=…`, in one line. */
async function readHeartbeat(path: string): Promise<z.infer<typeof Heartbeat> | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const pairs = [...text.matchAll(/(\w+)=(\S+)/g)].map(([, key, value]) => [key, value]);
  return Heartbeat.safeParse(Object.fromEntries(pairs)).data;
}

/** A program may have spoilt what lies in its folder; that is no reason to show none of the others. */
async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}
