import { spawnSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { exists } from '../../activities/files.ts';
import { isAlive, processesOfRun, signal } from '../../activities/processes/tree.ts';
import { builtProgram } from '../../scripts/quickstart/engine-process.ts';
import { packageRoot } from '../../schema/package-root.ts';
import { startKillableEngine, type KillableEngine } from '../support/engine-process.ts';
import { runnerOf } from '../support/runners.ts';
import { useCodex } from '../support/stub-codex.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';

/** A script that notes its launch, then works until it is let go, then commits. */
function patient(work: string): string {
  return `echo "$MISSION_SESSION" >> '${work}/launches'
i=0
until [ -e '${work}/go' ] || [ $i -ge 600 ]; do i=$((i+1)); sleep 0.1; done
echo done > file.txt
git add --all
git commit --quiet --message 'Work'
`;
}

const quick = `echo "$MISSION_SESSION" >> file.txt
git add --all
git commit --quiet --message 'Work'
`;

async function letGo(at: KillableEngine): Promise<void> {
  spawnSync('touch', [join(at.work, 'go')]);
  await Promise.resolve();
}

async function launches(at: KillableEngine): Promise<string[]> {
  const path = join(at.work, 'launches');
  if (!(await exists(path))) return [];
  return (await readFile(path, 'utf8')).trim().split('\n');
}

function sessionFolder(at: KillableEngine, session: string): string {
  return join(at.data, 'sessions', session);
}

describe('what survives a SIGKILL', () => {
  it('of the Temporal server: it comes back on its file, and the mission goes on', async () => {
    const at = await startKillableEngine();
    await at.startMission({ key: 'server', scripts: { A: patient(at.work) } });
    await until(async () => (await launches(at)).length === 1);
    const record = await readFile(join(at.data, 'temporal.json'), 'utf8');
    process.kill(z.object({ pid: z.number() }).parse(JSON.parse(record)).pid, 'SIGKILL');
    await letGo(at);

    expect((await at.follow('server')).at(-1)).toMatchObject({ message: 'completed' });
    expect(await launches(at)).toEqual(['server.A.author.1']);
    expect(await at.repository.history()).toHaveLength(2);
  });

  it('of an agent and of the engine together: the next session goes on, and no tool of the first is left', async () => {
    const codex = await useCodex();
    const at = await startKillableEngine();
    const goal = 'AT 1: leave half.txt, orphan, wait /nonexistent\nAT 2: commit half.txt';
    await at.startAgent({ key: 'both', goal });
    await until(async () => (await codex.note('running')) !== undefined);
    const folder = sessionFolder(at, 'both.A.author.1');
    const orphan = Number(await codex.note('orphan'));
    await at.engine.kill();
    for (const pid of processesOfRun(folder)) {
      if (pid !== orphan) signal(pid, 'SIGKILL');
    }
    await at.engine.start();
    await at.follow('both');

    const { tasks } = await (await at.api()).show('both');
    const sessions = (tasks[0]?.sessions ?? []).filter(({ role }) => role === 'author');
    expect(sessions.map(({ agent }) => agent?.outcome)).toEqual(['killed', 'done']);
    expect(sessions[1]?.agent?.conversation).toBe(sessions[0]?.agent?.conversation);
    expect(processesOfRun(folder)).toEqual([]);
    expect(tasks[0]).toMatchObject({ status: 'merged' });
  });

  it('of the Temporal server in the midst of a merge: the merge is told when it is back, and not done again', async () => {
    const points = await temporaryFolder();
    await writeFile(join(points, 'Temporal in merge'), '');
    const at = await startKillableEngine({ command: builtProgram('crashing-engine', points) });
    await at.startMission({ key: 'merge', scripts: { A: quick } });

    expect((await at.follow('merge')).at(-1)).toMatchObject({ message: 'completed' });
    expect(await readdir(points)).toEqual([]);
    expect(await at.repository.history()).toEqual([expect.stringMatching(/^A: Task A/), 'first']);
  });

  it('of a tool that the agent has started: the agent hears of it, and the session goes on', async () => {
    const at = await startKillableEngine();
    const script = `echo "$MISSION_SESSION" >> '${at.work}/launches'
sh -c 'echo $$ > "${at.work}/tool"; exec sleep 600' || echo 'the tool has died' > file.txt
git add --all
git commit --quiet --message 'Work'
`;
    await at.startMission({ key: 'tool', scripts: { A: script } });
    const tool = async (): Promise<number> =>
      Number(await readFile(join(at.work, 'tool'), 'utf8').catch(() => '0'));
    await until(async () => (await tool()) > 0);
    process.kill(await tool(), 'SIGKILL');

    expect((await at.follow('tool')).at(-1)).toMatchObject({ message: 'completed' });
    expect(await launches(at)).toEqual(['tool.A.author.1']);
    expect(await at.repository.history()).toHaveLength(2);
  });

  it('of the session’s runner: the session is lost, its tree is dead, a second one does the work', async () => {
    const at = await startKillableEngine();
    await at.startMission({ key: 'runner', scripts: { A: patient(at.work) } });
    await until(async () => (await launches(at)).length === 1);
    process.kill((await runnerOf(at, 'runner.A.author.1')).pid, 'SIGKILL');
    await until(async () => (await launches(at)).length === 2);
    expect(processesOfRun(sessionFolder(at, 'runner.A.author.1'))).toEqual([]);
    await letGo(at);

    expect((await at.follow('runner')).at(-1)).toMatchObject({ message: 'completed' });
    const { tasks } = await (await at.api()).show('runner');
    expect(tasks[0]?.sessions.map(({ end }) => end).slice(0, 2)).toEqual(['lost', 'exited']);
    expect(await at.repository.history()).toHaveLength(2);
  });

  it('of the agent: the session has failed, and a second one does the work', async () => {
    const at = await startKillableEngine();
    await at.startMission({ key: 'agent', scripts: { A: patient(at.work) } });
    await until(async () => (await launches(at)).length === 1);
    for (const pid of processesOfRun(sessionFolder(at, 'agent.A.author.1'))) signal(pid, 'SIGKILL');
    await until(async () => (await launches(at)).length === 2);
    await letGo(at);

    expect((await at.follow('agent')).at(-1)).toMatchObject({ message: 'completed' });
    expect(await at.repository.history()).toHaveLength(2);
  });
});

describe('a stop in order', () => {
  it('takes seconds, leaves the agent alive, and is taken up where it was', async () => {
    const at = await startKillableEngine();
    await at.startMission({ key: 'stop', scripts: { A: patient(at.work) } });
    await until(async () => (await launches(at)).length === 1);
    const before = await runnerOf(at, 'stop.A.author.1');
    const began = Date.now();
    await at.engine.stop();
    expect(Date.now() - began).toBeLessThan(15_000);
    expect(isAlive(before)).toBe(true);
    await at.engine.start();
    await letGo(at);

    expect((await at.follow('stop')).at(-1)).toMatchObject({ message: 'completed' });
    expect(await launches(at)).toEqual(['stop.A.author.1']);
  });
});

describe('a second engine', () => {
  it('is refused on the same data directory, in one line with the remedy', async () => {
    const at = await startKillableEngine();
    const program = join(packageRoot(), 'dist/mission.js');
    const second = spawnSync(process.execPath, [program, 'up', '--data', at.data, '--port', '0'], {
      timeout: 60_000,
      encoding: 'utf8',
    });
    expect(second.status).toBe(1);
    expect(second.stderr.trim().split('\n').at(-1)).toMatch(/^error: another engine works in .*--data$/);
  });
});
