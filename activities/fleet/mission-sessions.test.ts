import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { packageRoot } from '../../schema/package-root.ts';
import { temporaryFolder } from '../../test/support/temporary.ts';
import { until } from '../../test/support/until.ts';
import { runTag, type RunSpec } from '../processes/spec.ts';
import { killRun, ownIdentity } from '../processes/tree.ts';
import { listSessions, readSession } from './mission-sessions.ts';
import { sessionLines } from './session-log.ts';

const minute = 60_000;
const now = Date.parse('2026-11-21T12:00:00Z');
const alive = ownIdentity();
const gone = { pid: 0, startTime: 'gone' };

interface Files {
  runner?: { pid: number; startTime: string };
  heartbeat?: { ts: number; lastEvent: number };
  stallMs?: number;
  ended?: boolean;
}

function specOf(
  folder: string,
  more: { argv?: string[]; stallMs?: number | undefined; heartbeatMs?: number } = {},
): RunSpec {
  const { argv = ['true'], stallMs, heartbeatMs = 15_000 } = more;
  const stall = stallMs === undefined ? {} : { stallMs };
  const files = { stdin: null, stdout: 'events.jsonl', stderr: 'stderr.log' };
  const { PATH = '' } = process.env;
  return {
    cwd: folder,
    env: { PATH, [runTag]: folder },
    steps: [{ name: 'codex', argv, timeoutMs: 60 * minute, ...files, ...stall }],
    maxOutputBytes: 1_000_000,
    heartbeatMs,
  };
}

/** A folder of sessions in which one has these files. */
async function sessionsWith(files: Files): Promise<string> {
  const sessions = await temporaryFolder();
  const folder = join(sessions, 'm1.A.author.1');
  await mkdir(folder);
  const { runner, heartbeat, stallMs, ended = false } = files;
  await writeFile(join(folder, 'spec.json'), JSON.stringify(specOf(folder, { stallMs })));
  if (runner) await writeFile(join(folder, 'runner.json'), JSON.stringify(runner));
  if (heartbeat) {
    const [ts, lastEvent] = [heartbeat.ts, heartbeat.lastEvent].map((at) => new Date(at).toISOString());
    const line = `ts=${ts} pid=${alive.pid} status=running last_event=${lastEvent}\n`;
    await writeFile(join(folder, 'heartbeat'), line);
  }
  if (ended) await writeFile(join(folder, 'exit.json'), '{"steps":[]}');
  return sessions;
}

describe('a mission’s session', () => {
  it.each<{ what: string; files: Files; state: string }>([
    { what: 'whose runner has not come up', files: {}, state: 'starting' },
    {
      what: 'whose program tells something',
      files: { runner: alive, heartbeat: { ts: now, lastEvent: now - 9 * minute } },
      state: 'working',
    },
    {
      what: 'whose runner alone lives',
      files: { runner: alive, heartbeat: { ts: now, lastEvent: now - 11 * minute } },
      state: 'silent',
    },
    {
      what: 'that would soon be ended as stalled',
      files: { runner: alive, heartbeat: { ts: now, lastEvent: now - 2 * minute }, stallMs: minute },
      state: 'silent',
    },
    {
      what: 'whose runner hangs',
      files: { runner: alive, heartbeat: { ts: now - minute, lastEvent: now - minute } },
      state: 'stale',
    },
    { what: 'without a heartbeat', files: { runner: alive }, state: 'unknown' },
    { what: 'whose runner is gone', files: { runner: gone }, state: 'lost' },
    { what: 'with a result', files: { runner: gone, ended: true }, state: 'ended' },
  ])('$what is $state', async ({ files, state }) => {
    const sessions = await sessionsWith(files);
    const read = await readSession({ sessions, session: 'm1.A.author.1', now });
    expect(read).toMatchObject({ mission: 'm1', task: 'A', role: 'author', runtime: 'codex', state });
    const lives = await listSessions({ sessions, ended: false, now });
    expect(lives).toHaveLength(state === 'lost' || state === 'ended' ? 0 : 1);
    expect(await listSessions({ sessions, ended: true, now })).toHaveLength(1);
  });

  it('is seen with what runs in it, and is silent while its runner goes on', async () => {
    const sessions = await temporaryFolder();
    const folder = join(sessions, 'm1.A.author.1');
    await mkdir(folder);
    const argv = ['sh', '-c', 'echo \'{"type":"x"}\'; sleep 1000; true'];
    await writeFile(
      join(folder, 'spec.json'),
      JSON.stringify(specOf(folder, { argv, heartbeatMs: 10 * minute })),
    );
    const runner = spawn(process.execPath, [join(packageRoot(), 'dist/runner.js'), folder]);
    onTestFinished(() => {
      runner.kill('SIGTERM');
      killRun(folder);
    });
    const read = (at: number) => readSession({ sessions, session: 'm1.A.author.1', now: at });
    await until(async () => (await read(Date.now()))?.running === 'sh');
    expect(await read(Date.now())).toMatchObject({ state: 'working', pid: runner.pid });
    const later = Date.now() + 11 * minute;
    expect(await read(later)).toMatchObject({ state: 'silent' });
  });

  it('is passed over where its folder holds nothing of use', async () => {
    const sessions = await temporaryFolder();
    for (const name of ['preparing.A.author.1', 'm1', 'spoilt.A.author.1']) await mkdir(join(sessions, name));
    await writeFile(join(sessions, 'spoilt.A.author.1', 'spec.json'), '{');
    expect(await listSessions({ sessions, ended: true, now })).toEqual([]);
    expect(await listSessions({ sessions: join(sessions, 'none'), ended: true, now })).toEqual([]);
  });
});

describe('what a session told', () => {
  it('is read in words where an agent told it', async () => {
    const folder = await temporaryFolder();
    const recording = join(packageRoot(), 'test/recordings/codex-0.169.0/work.jsonl');
    await writeFile(join(folder, 'events.jsonl'), await readFile(recording));
    const lines = await sessionLines({ folder, runtime: 'codex' });
    expect(lines[0]).toMatch(/^started/);
    expect(lines.some((line) => line.startsWith('> '))).toBe(true);
    expect(lines.join('\n')).not.toContain('{"');
  });

  it('is read as it is where a script wrote it, without what steers a terminal', async () => {
    const folder = await temporaryFolder();
    expect(await sessionLines({ folder, runtime: 'script' })).toEqual([]);
    await writeFile(join(folder, 'events.jsonl'), 'one\n\u001b[2Jtwo\n');
    expect(await sessionLines({ folder, runtime: 'script' })).toEqual(['one', '[2Jtwo']);
  });
});
