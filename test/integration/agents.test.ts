import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { FleetView } from '../../schema/contracts/fleet.ts';
import { processStartTime } from '../../activities/processes/tree.ts';
import type { PlanChange } from '../../schema/contracts/amendment.ts';
import type { MissionEvent } from '../../schema/contracts/views.ts';
import { runMission } from '../support/mission-command.ts';
import { startRealEngine, type RealEngine } from '../support/real-engine.ts';
import { makeRepository, type TestRepository } from '../support/repository.ts';
import { useCodex, type CodexHome } from '../support/stub-codex.ts';
import { inCommon, sideBySideMs } from '../support/temporary.ts';
import { noTmux } from '../support/tmux.ts';
import { until } from '../support/until.ts';

async function startWithCodex(
  of: { files?: Record<string, string>; roster?: string } = {},
): Promise<{ engine: RealEngine; codex: CodexHome }> {
  const codex = await useCodex();
  const engine = await startRealEngine(of.files ?? { 'README.md': 'hi\n' }, undefined, {}, of.roster);
  return { engine, codex };
}

/** For what needs no engine of its own; each mission has a repository of its own. */
const inPlace = inCommon(
  async (
    atEnd,
  ): Promise<{ engine: RealEngine; codex: CodexHome; newRepository: () => Promise<TestRepository> }> => {
    const codex = await useCodex(atEnd);
    const config = () => ({ slots: 20 });
    const engine = await startRealEngine(
      { 'README.md': 'hi\n' },
      config,
      { roots: [tmpdir()] },
      undefined,
      atEnd,
    );
    const newRepository = () => makeRepository({ 'README.md': 'hi\n' }, atEnd);
    return { engine, codex, newRepository };
  },
);

function missionFile(of: {
  engine: RealEngine;
  /** Without it: the engine's own. */
  repository?: TestRepository;
  key: string;
  goal: string;
  task?: object;
  more?: object;
}): object {
  return {
    version: 1,
    key: of.key,
    title: `Mission ${of.key}`,
    repository: { forge: 'local', path: (of.repository ?? of.engine.repository).planned.address },
    milestones: [{ id: 'm1', title: 'All', tasks: [{ id: 'A', title: 'Work', goal: of.goal, ...of.task }] }],
    ...of.more,
  };
}

async function start(of: Parameters<typeof missionFile>[0]): Promise<void> {
  await of.engine.api.create(JSON.stringify(missionFile(of)), 'application/json');
}

async function storyOf(engine: RealEngine, key: string): Promise<MissionEvent[]> {
  const events: MissionEvent[] = [];
  for await (const event of engine.api.events({ id: key, after: 0 })) events.push(event);
  return events;
}

async function authorsOf(engine: RealEngine, key: string) {
  const { tasks } = await engine.api.show(key);
  return (tasks[0]?.sessions ?? []).filter(({ role }) => role === 'author');
}

describe.concurrent('an agent in a mission', { timeout: sideBySideMs }, () => {
  it('is taken by an agent that is here when it names none', async () => {
    const { engine, newRepository } = inPlace();
    const repository = await newRepository();
    await start({ engine, repository, key: 'any', goal: 'AT 1: commit a.txt' });
    await storyOf(engine, 'any');
    expect(await authorsOf(engine, 'any')).toMatchObject([{ runtime: 'codex', agent: { outcome: 'done' } }]);
  });

  it('is refused at the door where its agent is not here', async () => {
    const { engine, newRepository } = inPlace();
    const repository = await newRepository();
    const wanted = start({ engine, repository, key: 'no', goal: 'Work.', task: { runtime: 'pi' } });
    await expect(wanted).rejects.toThrow(
      /milestones\.0\.tasks\.0\.runtime: pi is not on this host \(there is codex\)/,
    );
  });

  it('goes on in the conversation of an agent that was killed, with the files as it left them', async () => {
    const { engine, codex, newRepository } = inPlace();
    const repository = await newRepository();
    await start({
      engine,
      repository,
      key: 'killed',
      goal: 'AT 1: leave half.txt, orphan, die\nAT 2: commit half.txt',
    });
    await storyOf(engine, 'killed');

    const sessions = await authorsOf(engine, 'killed');
    expect(sessions.map(({ agent }) => agent?.outcome)).toEqual(['killed', 'done']);
    const [first, second] = sessions.map(({ agent }) => agent?.conversation);
    expect(first).toBe(second);
    const resumed = `"resume","${first ?? ''}"`;
    expect((await codex.launches()).filter((args) => args.includes(resumed))).toHaveLength(1);
    const orphan = Number(await codex.note('orphan'));
    expect(processStartTime(orphan)).toBeUndefined();
    const { git, planned } = repository;
    const merged = await git.run({ cwd: planned.address, args: ['show', 'main:half.txt'] });
    expect(merged.stdout).toBe('half\nwork');
    // The first turn was killed before it told what it had used; the second tells of both.
    expect(sessions[1]?.agent?.usage.inputTokens).toBe(2_000);
  });

  it('begins anew where the conversation is gone', async () => {
    const { engine, newRepository } = inPlace();
    const repository = await newRepository();
    await start({
      engine,
      repository,
      key: 'gone',
      goal: 'AT 1: leave half.txt, forget, die\nAT 3: commit a.txt',
    });
    await storyOf(engine, 'gone');
    const sessions = await authorsOf(engine, 'gone');
    expect(sessions.map(({ agent }) => agent?.outcome)).toEqual(['killed', 'lost', 'done']);
    const [first, , third] = sessions.map(({ agent }) => agent?.conversation);
    expect(third).toEqual(expect.any(String));
    expect(third).not.toBe(first);
  });

  it('does not wait for ever on an agent that says nothing', async () => {
    const { engine, newRepository } = inPlace();
    const repository = await newRepository();
    const more = { policy: { stallSeconds: 10 } };
    await start({
      engine,
      repository,
      key: 'stalled',
      goal: 'AT 1: say hello, hang\nAT 2: commit a.txt',
      more,
    });
    await storyOf(engine, 'stalled');
    const sessions = await authorsOf(engine, 'stalled');
    expect(sessions.map(({ end, agent }) => [end, agent?.outcome])).toEqual([
      ['stalled', 'stalled'],
      ['exited', 'done'],
    ]);
  });

  it('is ended when it has used what it may, and goes on where a person allows as much again', async () => {
    const { engine, newRepository } = inPlace();
    const repository = await newRepository();
    const task = { budget: { tokens: 5_000 } };
    await start({
      engine,
      repository,
      key: 'dear',
      goal: 'AT 1: spend 6000, hang\nAT 2: commit a.txt',
      task,
    });
    await until(async () => (await engine.api.show('dear')).tasks[0]?.status === 'blocked');
    expect((await engine.api.show('dear')).tasks[0]?.reason).toBe(
      'the task has used 6,000 tokens of its budget of 5,000 tokens',
    );
    await engine.api.resolve({ id: 'dear', task: 'A', action: 'retry', guidance: undefined });
    await storyOf(engine, 'dear');
    const sessions = await authorsOf(engine, 'dear');
    expect(sessions.map(({ end, agent }) => [end, agent?.outcome])).toEqual([
      ['stopped', 'over-budget'],
      ['exited', 'done'],
    ]);
    expect((await engine.api.show('dear')).tasks[0]).toMatchObject({ status: 'merged', failures: [] });
  });

  it('asks a person for a login, and goes on', async () => {
    const { engine, newRepository } = inPlace();
    const repository = await newRepository();
    const goal = 'AT 1: fail unexpected status 401 Unauthorized\nAT 2: commit a.txt';
    await start({ engine, repository, key: 'login', goal });
    await until(async () => (await engine.api.show('login')).tasks[0]?.status === 'blocked');
    expect((await engine.api.show('login')).tasks[0]?.reason).toContain('codex is not logged in on');
    await engine.api.resolve({ id: 'login', task: 'A', action: 'retry', guidance: undefined });
    await storyOf(engine, 'login');
    expect((await engine.api.show('login')).tasks[0]?.status).toBe('merged');
  });
});

describe('a mission of coding agents', () => {
  it('is worked on by the agent that it names, as the operator has it run', async () => {
    const { engine, codex } = await startWithCodex({
      files: { 'README.md': 'hi\n', 'AGENTS.md': 'Tabs, not spaces.\n' },
      roster: 'version: 1\nruntimes: {codex: {args: [--oss], env: {KEY_OF_IT: sesame-open}}}\n',
    });
    await start({
      engine,
      key: 'named',
      goal: 'AT 1: commit a.txt, window 42, tell KEY_OF_IT',
      task: { effort: 'high', constraints: ['no new dependency'] },
      more: { runtime: 'codex', model: 'gpt-5.5' },
    });
    await storyOf(engine, 'named');

    const [session] = await authorsOf(engine, 'named');
    expect(session).toMatchObject({
      runtime: 'codex',
      agent: {
        outcome: 'done',
        usage: { inputTokens: 1_000, outputTokens: 10 },
        message: 'it is [redacted]',
      },
    });
    // What it has noted of its account, beside its output.
    const window = { window: '5h', usedPercent: 42, resetsAt: Date.UTC(2100, 0, 1) };
    expect(session?.agent).toMatchObject({ windows: [window], version: '0.169.0' });
    const { windows } = await engine.api.usage({ by: 'runtime' });
    expect(windows).toMatchObject([
      { account: 'codex', ...window },
      { account: 'codex', window: '7d', usedPercent: null, resetsAt: null },
    ]);
    const [args = ''] = await codex.launches();
    expect(args).toContain('"--model","gpt-5.5"');
    expect(args).toContain('model_reasoning_effort=high');
    expect(args).toContain('"--oss"');
    const prompt = await readFile(join(engine.root, 'data/sessions/named.A.author.1/prompt.md'), 'utf8');
    expect(prompt).toContain('Tabs, not spaces.');
    expect(prompt).toContain('- no new dependency');
    expect((await engine.api.show('named')).tasks[0]?.status).toBe('merged');
  });

  it.skipIf(noTmux)('can be watched while it works, by its session’s id (skipped without tmux)', async () => {
    const { engine } = await startWithCodex();
    const go = join(engine.root, 'go');
    await start({ engine, key: 'seen', goal: `AT 1: commit a.txt, say hello, wait ${go}` });
    const mission = (...words: string[]) =>
      runMission(words, { env: { MISSION_DATA: join(engine.root, 'data') } });
    const session = 'seen.A.author.1';
    const tail = async () => (await mission('agent', 'tail', session)).stdout;
    await until(async () => (await tail()).endsWith('hello\n'));
    expect(await tail()).toMatch(/^started conversation \S+\n> command_execution: echo/);

    const ps = FleetView.parse(JSON.parse((await mission('fleet', 'ps', '--json')).stdout));
    expect(ps).toMatchObject({ agents: [], sessions: [{ session, state: 'working', running: 'codex' }] });
    expect((await mission('agent', 'status', session)).stdout).toMatch(/^terminal +seen\/A\/author\/1@/m);
    const [{ terminal = '' } = {}] = ps.sessions;
    expect(terminal).toMatch(/^seen\/A\/author\/1@[0-9a-f]{8}$/);
    const pane = ['-L', ps.socket, 'capture-pane', '-p', '-t', `=${terminal}:`];
    expect((await execa('tmux', pane)).stdout).toContain(`${session}: codex on "Work"\nstarted conversation`);
    expect((await mission('agent', 'watch', session)).stderr).toContain('this needs a terminal');
    expect(await mission('agent', 'send', session, 'hi')).toMatchObject({
      code: 1,
      stderr: `error: ${session} is a mission’s session: it takes no messages: give its task guidance, or amend the mission\n`,
    });

    await writeFile(go, '');
    await storyOf(engine, 'seen');
    await until(async () => !(await mission('agent', 'status', session)).stdout.includes('seen/A'));
    expect(await mission('agent', 'attach', session)).toMatchObject({
      code: 1,
      stderr: `error: the session ${session} has ended: read what it told with \`mission agent tail ${session}\`\n`,
    });
    expect((await mission('agent', 'watch', session)).stdout).toBe(await tail());
  });

  it('is let in with a warning where its agent is newer than all that was tried', async () => {
    const { engine, codex } = await startWithCodex();
    const program = join(codex.path, '.local/bin/codex');
    await rm(program);
    await writeFile(program, '#!/bin/sh\necho codex-cli 7.0.0\n', { mode: 0o755 });
    const file = missionFile({ engine, key: 'new', goal: 'Work.' });
    const { warnings } = await engine.api.create(JSON.stringify(file), 'application/json');
    const warning =
      'milestones.0.tasks.0.runtime: codex is 7.0.0 on this host, not one that was tried, 0.169.0 to before 1.0.0: if its sessions fail, install such a one, see mission fleet verify';
    expect(warnings.map(({ path, message }) => `${path}: ${message}`)).toEqual([warning]);

    const path = join(engine.root, 'other.yaml');
    await writeFile(path, JSON.stringify(missionFile({ engine, key: 'other', goal: 'Work.' })));
    const started = await runMission(['start', path], { env: { MISSION_DATA: join(engine.root, 'data') } });
    expect(started).toMatchObject({ code: 0, stderr: `warning: ${warning}\n` });
    for (const id of ['new', 'other']) {
      await engine.api.cancel({ id, reason: undefined });
      await storyOf(engine, id);
    }
  });

  it('is refused at the door where its agent is older than what is known to work', async () => {
    const { engine, codex } = await startWithCodex();
    const program = join(codex.path, '.local/bin/codex');
    await rm(program);
    await writeFile(program, '#!/bin/sh\necho codex-cli 0.99.0\n', { mode: 0o755 });
    const wanted = start({ engine, key: 'old', goal: 'Work.' });
    await expect(wanted).rejects.toThrow(
      /tasks\.0\.runtime: codex is 0\.99\.0 on this host, older than 0\.169\.0/,
    );
  });

  it('is amended with agents as it is started with them: absent and older ones are refused, newer ones named', async () => {
    const { engine, codex } = await startWithCodex();
    const task = { id: 'B', title: 'More', goal: 'Work.', dependsOn: ['A'] };
    const milestones = [
      { id: 'm1', title: 'All', tasks: [{ id: 'A', title: 'Work', goal: 'AT 1: commit a.txt, hang' }, task] },
      { id: 'm2', title: 'Later', runtime: 'pi', tasks: [{ ...task, id: 'Z', runtime: 'codex' }] },
    ];
    await start({ engine, key: 'more', goal: '', more: { milestones } });
    await until(async () => (await codex.note('running')) !== undefined);
    const amend = (change: PlanChange) =>
      engine.api.amend({ id: 'more', amendment: { reason: 'more hands', changes: [change] } });
    const added = { ...task, id: 'C', acceptance: [], checks: [] };
    const add = (runtime: 'pi' | undefined, milestone = 'm1') =>
      amend({ change: 'add', milestone, task: { ...added, ...(runtime ? { runtime } : {}) } });
    const edit = () => amend({ change: 'edit', task: 'B', set: { model: 'gpt-large' } });

    const absent = 'pi is not on this host (there is codex): install it, see mission fleet verify';
    await expect(add('pi')).rejects.toThrow(`changes.0.task.runtime: ${absent}`);
    await expect(add(undefined, 'm2')).rejects.toThrow(`changes.0.task.runtime: ${absent}`);
    const fallback = amend({ change: 'policy', fallback: ['pi'] });
    await expect(fallback).rejects.toThrow(`changes.0.fallback.0: ${absent}`);

    const program = join(codex.path, '.local/bin/codex');
    await rm(program);
    await writeFile(program, '#!/bin/sh\necho codex-cli 0.99.0\n', { mode: 0o755 });
    const older = 'codex is 0.99.0 on this host, older than 0.169.0';
    await expect(add(undefined)).rejects.toThrow(`changes.0.task.runtime: ${older}`);
    await expect(edit()).rejects.toThrow(`changes.0.set.runtime: ${older}`);
    expect(await amend({ change: 'policy', parallel: 2 })).toMatchObject({ parallel: 2, warnings: [] });

    await writeFile(program, '#!/bin/sh\necho codex-cli 7.0.0\n', { mode: 0o755 });
    const [warning] = (await edit()).warnings;
    expect(warning?.path).toBe('changes.0.set.runtime');
    expect(warning?.message).toContain('codex is 7.0.0 on this host, not one that was tried');
    await engine.api.cancel({ id: 'more', reason: undefined });
    await storyOf(engine, 'more');
  });

  it('goes on being watched by the engine that comes next: the agent works on, and all it told is known', async () => {
    const { engine, codex } = await startWithCodex();
    const sign = join(codex.path, 'go-on');
    await start({ engine, key: 'adopted', goal: `AT 1: say before, commit a.txt, wait ${sign}, say after` });
    await until(async () => (await codex.note('running')) !== undefined);
    await engine.restart(() => writeFile(sign, ''));
    await storyOf(engine, 'adopted');
    expect(await codex.launches()).toHaveLength(1);
    expect(await authorsOf(engine, 'adopted')).toMatchObject([
      { agent: { outcome: 'done', message: 'after', usage: { inputTokens: 1_000 } } },
    ]);
  });
});
