/** The figures of sessions: see docs/benchmarks.md. Real engine, real runners; the agents sleep. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runFiles, RunnerIdentity } from '../../activities/processes/spec.ts';
import { findApi } from '../cli/api-client.ts';
import { followMission } from '../cli/follow.ts';
import type { Measure } from './measures.ts';
import { makeOwnEngine, makeRepository, type OwnEngine } from './own-engine.ts';
import { atMost, part } from './rows.ts';

const key = 'bench';

/** How long a look at something that ought to be there soon may take before it is looked at again. */
const lookAgainMs = 50;

export const measureTurnover: Measure = async ({ quick, say }) => {
  const [sessions, slots, seconds] = quick ? [10, 5, 1] : [50, 10, 3];
  const ideal = (sessions / slots) * seconds;
  const name = `${sessions} sessions of ${seconds} s in ${slots} slots`;
  say(`turnover: ${name}`);
  const smooth = await runSessions({ sessions, slots, seconds });
  const killAfter = quick ? 2_000 : 5_000;
  say('turnover: the same, and the engine is killed in their midst');
  const killed = await runSessions({ sessions, slots, seconds, killAfter });
  return [
    atMost(1.25, {
      name: `${name}, from the first launch to the last verified result, by the ideal ${ideal} s`,
      value: smooth.wallMs / 1_000 / ideal,
      unit: 'ratio',
    }),
    part({ name: '  that is', value: smooth.wallMs / 1_000, unit: 's' }),
    atMost(0, {
      name: `the same with the engine killed after ${killAfter / 1_000} s and started again: sessions that ran twice`,
      value: killed.repeated,
      unit: 'sessions',
    }),
    part({ name: '  that took', value: killed.wallMs / 1_000, unit: 's' }),
  ];
};

export const measureAdoption: Measure = async ({ quick, say }) => {
  const [sessions, seconds] = quick ? [4, 15] : [10, 30];
  say(`adoption: ${sessions} sessions of ${seconds} s`);
  const own = await makeOwnEngine({ config: { slots: sessions } });
  try {
    await own.engine.start();
    await startMission(own, { sessions, seconds });
    await until(async () => (await launchesOf(own)).length === sessions);
    say('adoption: the engine is killed, and started again');
    await own.engine.kill();
    const began = performance.now();
    await own.engine.start();
    const up = performance.now() - began;
    await until(async () => (await supervised(own)) === sessions);
    const watched = performance.now() - began;
    await followMission({ findApi: () => findApi(own.data), id: key, onEvent: () => undefined });
    return [
      atMost(8, {
        name: `${sessions} live sessions are watched again after the engine was killed, from its start`,
        value: watched / 1_000,
        unit: 's',
      }),
      part({ name: '  until it answers', value: up / 1_000, unit: 's' }),
      atMost(0, {
        name: '  sessions that were launched a second time',
        value: (await launchesOf(own)).length - sessions,
        unit: 'sessions',
      }),
    ];
  } finally {
    await own.remove();
  }
};

export const measureSupervision: Measure = async ({ quick, say }) => {
  const sessions = quick ? 10 : 50;
  const lookSeconds = quick ? 5 : 30;
  say(`supervision: ${sessions} live sessions`);
  const own = await makeOwnEngine({ config: { slots: sessions } });
  try {
    const { pid } = await own.engine.start();
    // They live until the engine is told to cancel them.
    await startMission(own, { sessions, seconds: 3_600 });
    await until(async () => (await launchesOf(own)).length === sessions);
    await until(async () => (await supervised(own)) === sessions);
    // What the launches have left to do is not supervision.
    await sleep(5_000);
    say(`supervision: watching for ${lookSeconds} s`);
    const runners = await runnersOf(own);
    const before = { engine: cpuMs([pid]), runners: cpuMs(runners) };
    const began = performance.now();
    await sleep(lookSeconds * 1_000);
    const wall = performance.now() - began;
    const engine = ((cpuMs([pid]) - before.engine) / wall) * 100;
    const theirs = ((cpuMs(runners) - before.runners) / wall) * 100;
    await (await findApi(own.data)).cancel({ id: key, reason: undefined });
    await followMission({ findApi: () => findApi(own.data), id: key, onEvent: () => undefined });
    return [
      atMost(5, {
        name: `supervising ${sessions} live sessions: engine and runners, of one core`,
        value: engine + theirs,
        unit: '%',
      }),
      part({ name: '  the engine', value: engine, unit: '%' }),
      part({ name: '  the runners', value: theirs, unit: '%' }),
    ];
  } finally {
    await own.remove();
  }
};

interface Run {
  sessions: number;
  slots: number;
  seconds: number;
  /** How long after the first launch the engine is killed. */
  killAfter?: number;
}

async function runSessions(of: Run): Promise<{ wallMs: number; repeated: number }> {
  const own = await makeOwnEngine({ config: { slots: of.slots } });
  try {
    await own.engine.start();
    await startMission(own, of);
    await until(async () => (await launchesOf(own)).length > 0);
    if (of.killAfter !== undefined) {
      await sleep(of.killAfter);
      await own.engine.kill();
      await own.engine.start();
    }
    let verifiedAt = 0;
    await followMission({
      findApi: () => findApi(own.data),
      id: key,
      // The gate after the last verification: what it came to is known.
      onEvent: (event) => {
        if (event.message.startsWith('close-issue')) verifiedAt = Math.max(verifiedAt, event.at);
      },
    });
    const { tasks } = await (await findApi(own.data)).show(key);
    const launched = tasks.flatMap((task) => task.sessions.map(({ startedAt }) => startedAt));
    const starts = await launchesOf(own);
    if (tasks.some(({ status }) => status !== 'no-change')) throw new Error('not every session was verified');
    return {
      wallMs: verifiedAt - Math.min(...launched),
      repeated: starts.length - new Set(starts).size + (launched.length - of.sessions),
    };
  } finally {
    await own.remove();
  }
}

/** Tasks that sleep and say that nothing needs to change: a session and its verification are all there is to them. */
async function startMission(own: OwnEngine, of: { sessions: number; seconds: number }): Promise<void> {
  const path = await makeRepository(own.folder, { 'README.md': '# bench\n' });
  await mkdir(join(own.folder, 'launches'), { recursive: true });
  const script = join(own.folder, 'sleep.sh');
  await writeFile(
    script,
    `touch "${own.folder}/launches/$MISSION_SESSION.$$"
sleep ${of.seconds}
echo '{"outcome":"no-change-needed","reason":"it slept"}' > "$MISSION_OUTCOME_FILE"
`,
  );
  const tasks = Array.from({ length: of.sessions }, (_, index) => ({
    id: `T-${index + 1}`,
    title: 'Sleep',
    goal: 'Sleep.',
    runtime: 'script',
    script,
  }));
  const file = {
    version: 1,
    key,
    title: 'Sessions that sleep',
    repository: { forge: 'local', path },
    policy: { parallel: of.sessions, sessionTimeoutSeconds: 7_200 },
    milestones: [{ id: 'm1', title: 'All', tasks }],
  };
  await (await findApi(own.data)).create(JSON.stringify(file), 'application/json');
}

/** The session of each launch, noted by the script itself. */
async function launchesOf(own: OwnEngine): Promise<string[]> {
  const names = await readdir(join(own.folder, 'launches')).catch(() => []);
  return names.map((name) => name.slice(0, name.lastIndexOf('.')));
}

/** How many sessions the engine watches, as its own metrics have it. */
async function supervised(own: OwnEngine): Promise<number> {
  const { url } = await findApi(own.data);
  const text = await fetch(`${url}/metrics`).then(
    (response) => response.text(),
    () => '',
  );
  return Number(/^mission_engine_sessions_supervised\{activity="runSession"\} (\d+)$/m.exec(text)?.[1] ?? 0);
}

async function runnersOf(own: OwnEngine): Promise<number[]> {
  const sessions = join(own.data, 'sessions');
  const folders = await readdir(sessions);
  return Promise.all(
    folders.map(async (folder) => {
      const text = await readFile(join(sessions, folder, runFiles.runner), 'utf8');
      return RunnerIdentity.parse(JSON.parse(text)).pid;
    }),
  );
}

/** The processor time of processes with all their threads; what they have started is not counted. */
function cpuMs(pids: readonly number[]): number {
  const ticksPerSecond = 100;
  const ticks = pids.map((pid) => {
    if (!readdirSync('/proc').includes(String(pid))) return 0;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // Fields 14 and 15 of proc(5): user and system time.
    return Number(fields[11]) + Number(fields[12]);
  });
  return (ticks.reduce((sum, one) => sum + one, 0) / ticksPerSecond) * 1_000;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error('what was to be measured did not come about in two minutes');
    await sleep(lookAgainMs);
  }
}
