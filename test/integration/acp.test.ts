import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AnswerRequest } from '../../schema/contracts/question.ts';
import type { TaskView } from '../../schema/contracts/views.ts';
import { packageRoot } from '../../schema/package-root.ts';
import { processesOfRun, processStartTime } from '../../activities/processes/tree.ts';
import { followMission } from '../../scripts/cli/follow.ts';
import { newHost } from '../support/host-process.ts';
import { startRealEngine, type RealEngine } from '../support/real-engine.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';

interface World {
  engine: RealEngine;
  start(of: { key: string; goal: string; task?: object; policy?: object }): Promise<void>;
  /** Follows a mission to its end. */
  ended(key: string): Promise<TaskView>;
  task(key: string): Promise<TaskView>;
  asked(key: string): Promise<TaskView>;
  answer(key: string, option: string, question?: AnswerRequest['question']): Promise<void>;
  /** All that the stub has noted under a name. */
  notes(name: string): Promise<unknown[]>;
}

/** An engine whose roster names a stub of an agent that speaks the protocol; `far`: that of another host does. */
async function makeWorld(
  of: { settings?: object; arguments?: string[]; far?: boolean; runtime?: 'pi' } = {},
): Promise<World> {
  const home = await temporaryFolder();
  const stub = {
    command: [join(packageRoot(), 'test/fakes/stub-acp.mjs'), ...(of.arguments ?? [])],
    env: { STUB_ACP_HOME: home },
    ...of.settings,
  };
  const pi = {
    driver: 'acp',
    adapter: stub.command,
    env: { ...stub.env, PI_CODING_AGENT_DIR: join(home, 'pi') },
  };
  const named = of.runtime === undefined ? { acp: { stub } } : { runtimes: { [of.runtime]: pi } };
  const roster = JSON.stringify({ version: 1, ...named });
  const engine = await startRealEngine(
    { 'README.md': 'hi\n' },
    undefined,
    {},
    of.far === true ? undefined : roster,
  );
  if (of.far === true) {
    const host = await newHost(engine, 'far');
    await writeFile(join(host.data, 'roster.yaml'), roster);
    await host.start();
  }
  return { engine, start, ended, task, asked, answer, notes };

  async function start({ key, goal, task: more = {}, policy = {} }: Parameters<World['start']>[0]) {
    const agent = of.runtime === undefined ? { runtime: 'acp', agent: 'stub' } : { runtime: of.runtime };
    const tasks = [{ id: 'A', title: 'Work', goal, ...agent, ...more }];
    const file = {
      version: 1,
      key,
      title: key,
      repository: { forge: 'local', path: engine.repository.planned.address },
      policy,
      milestones: [{ id: 'm1', title: 'All', tasks }],
    };
    await engine.api.create(JSON.stringify(file), 'application/json');
  }

  async function task(key: string): Promise<TaskView> {
    const [first] = (await engine.api.show(key)).tasks;
    if (!first) throw new Error(`${key} has no task`);
    return first;
  }

  async function ended(key: string): Promise<TaskView> {
    await followMission({ findApi: () => Promise.resolve(engine.api), id: key, onEvent: () => undefined });
    return task(key);
  }

  async function asked(key: string): Promise<TaskView> {
    await until(async () => (await task(key)).questions.length > 0);
    return task(key);
  }

  function answer(key: string, option: string, question = 'author-1-1'): Promise<void> {
    return engine.api.answer({ id: key, task: 'A', question, option });
  }

  async function notes(name: string): Promise<unknown[]> {
    const text = await readFile(join(home, name), 'utf8').catch(() => '');
    return text.split('\n').flatMap((line): unknown[] => (line === '' ? [] : [JSON.parse(line)]));
  }
}

function outcomes(task: TaskView) {
  return task.sessions.flatMap(({ agent }) => agent?.outcome ?? []);
}

describe('an agent that speaks the Agent Client Protocol', () => {
  it('does a whole task, in the mode and with the model that it is to have', async () => {
    const world = await makeWorld({ settings: { mode: 'free', model: 'large' } });
    await world.start({ key: 'whole', goal: 'AT 1: say I begin, commit a.txt, spend 0.5, say all done' });
    const task = await world.ended('whole');

    expect(task.status).toBe('merged');
    expect(task.sessions[0]).toMatchObject({
      runtime: 'acp:stub',
      end: 'exited',
      agent: {
        outcome: 'done',
        message: 'all done',
        model: 'large',
        version: '4.5.6',
        usage: { inputTokens: 1_100, cachedTokens: 200, outputTokens: 10, costUsd: 0.5 },
      },
    });
    expect(await world.notes('mode')).toEqual(['free']);
  });

  it('is answered by the lists of its operator, and nobody is asked', async () => {
    const permissions = {
      allow: [{ kind: 'execute', like: 'touch *' }],
      deny: [{ like: '*secret*' }],
    };
    const world = await makeWorld({ settings: { permissions } });
    const goal = 'AT 1: ask execute touch b.txt, ask execute touch secret.txt, commit a.txt';
    await world.start({ key: 'lists', goal });
    expect((await world.ended('lists')).status).toBe('merged');
    expect(await world.notes('answered')).toEqual(['yes', 'no']);
    const { git, planned } = world.engine.repository;
    const merged = await git.run({ cwd: planned.address, args: ['ls-tree', '--name-only', 'main'] });
    expect(merged.stdout.split('\n')).toEqual(expect.arrayContaining(['a.txt', 'b.txt']));
    expect(merged.stdout).not.toContain('secret.txt');
  });

  it('asks a person what the lists leave open, who answers once and with what was offered', async () => {
    const world = await makeWorld();
    await world.start({
      key: 'asks',
      goal: 'AT 1: ask execute touch b.txt, commit a.txt',
      // The person takes longer than that.
      policy: { stallSeconds: 10, sessionTimeoutSeconds: 10 },
    });
    const asked = await world.asked('asks');
    expect(asked.waits).toMatchObject({ for: 'person', on: 'an answer to author-1-1: Run touch b.txt' });
    expect(asked.questions).toMatchObject([
      {
        id: 'author-1-1',
        detail: 'touch b.txt',
        options: [
          { id: 'yes', name: 'Yes' },
          { id: 'no', name: 'No' },
        ],
      },
    ]);
    await expect(world.answer('asks', 'maybe')).rejects.toThrow('author-1-1 can be answered with yes, no');
    await expect(world.answer('asks', 'yes', 'author-9-9')).rejects.toThrow(
      'there is no question author-9-9: open is author-1-1',
    );
    const patience = Date.now() + 15_000;
    await until(() => Promise.resolve(Date.now() > patience));
    await world.answer('asks', 'yes');
    await expect(world.answer('asks', 'no')).rejects.toThrow(
      /^This contradicts the present state: author-1-1 was answered already: yes by admin at .*; it asked: Run touch b.txt/,
    );

    const task = await world.ended('asks');
    expect(task).toMatchObject({ status: 'merged', questions: [] });
    expect(await world.notes('answered')).toEqual(['yes']);
    expect(outcomes(task)).toEqual(['done']);
  });

  it('works on the host whose roster names it, and is asked and answered there', async () => {
    const world = await makeWorld({ far: true });
    await world.start({ key: 'far', goal: 'AT 1: ask execute touch b.txt, commit a.txt' });
    await world.asked('far');
    await world.answer('far', 'yes');
    const task = await world.ended('far');
    expect(task).toMatchObject({ status: 'merged', questions: [] });
    expect(task.sessions[0]).toMatchObject({ host: 'far', runtime: 'acp:stub', account: 'stub' });
    expect(await world.notes('answered')).toEqual(['yes']);
  });

  it('is asked and answered once, also where the engine goes and comes again between the two', async () => {
    const world = await makeWorld();
    await world.start({ key: 'restarted', goal: 'AT 1: ask execute touch b.txt, commit a.txt' });
    await world.asked('restarted');
    await world.engine.restart(() => Promise.resolve());
    expect((await world.task('restarted')).questions).toHaveLength(1);
    await world.answer('restarted', 'yes');
    const task = await world.ended('restarted');
    expect(task).toMatchObject({ status: 'merged', questions: [] });
    expect(await world.notes('begun')).toHaveLength(1);
    expect(await world.notes('answered')).toEqual(['yes']);
  });

  it('is told of a cancellation, and all that it has started is gone', async () => {
    const world = await makeWorld();
    await world.start({ key: 'cancelled', goal: 'AT 1: orphan, hang' });
    await until(async () => (await world.notes('hanging')).length > 0);
    await world.engine.api.cancel({ id: 'cancelled', reason: undefined });
    const task = await world.ended('cancelled');
    expect(task.status).toBe('cancelled');
    expect(await world.notes('cancelled')).toEqual([true]);
    const run = join(world.engine.root, 'data/sessions/cancelled.A.author.1');
    expect(processesOfRun(run)).toEqual([]);
    const [orphan] = await world.notes('orphan');
    // A dead one may wait for its parent to hear of it.
    expect(processStartTime(Number(orphan))).toBeUndefined();
  });

  it('is ended when it does not stop for a cancellation, and while a person is asked', async () => {
    const world = await makeWorld();
    await world.start({ key: 'deaf', goal: 'AT 1: ignore' });
    await world.start({ key: 'asking', goal: 'AT 1: ask execute touch b.txt' });
    await until(async () => (await world.notes('hanging')).length > 0);
    await world.asked('asking');
    for (const id of ['deaf', 'asking']) await world.engine.api.cancel({ id, reason: undefined });
    for (const key of ['deaf', 'asking']) {
      const task = await world.ended(key);
      expect(task).toMatchObject({ status: 'cancelled' });
      expect(processesOfRun(join(world.engine.root, `data/sessions/${key}.A.author.1`))).toEqual([]);
    }
    await expect(world.answer('asking', 'yes')).rejects.toThrow(
      /^This contradicts the present state: author-1-1 is over since .*, without an answer; it asked: Run touch b.txt; A is not running any more: it has ended as cancelled at \d{4}-/,
    );
  });

  it('goes on in the conversation of a session that was killed', async () => {
    const world = await makeWorld();
    await world.start({ key: 'killed', goal: 'AT 1: say hello, die\nAT 2: commit a.txt' });
    const task = await world.ended('killed');
    expect(outcomes(task)).toEqual(['killed', 'done']);
    const [first, second] = task.sessions.map(({ agent }) => agent?.conversation);
    expect(first).toBe(second);
    expect(await world.notes('loaded')).toEqual([first]);
    // What it tells while it loads was told before.
    expect(task.sessions[1]?.agent?.message).toBe('');
  });

  it('begins afresh where its conversation is gone, and where it keeps none', async () => {
    const world = await makeWorld();
    await world.start({ key: 'gone', goal: 'AT 1: forget, die\nAT 3: commit a.txt' });
    expect(outcomes(await world.ended('gone'))).toEqual(['killed', 'lost', 'done']);
    const forgetful = await makeWorld({ arguments: ['--keeps-none'] });
    await forgetful.start({ key: 'none', goal: 'AT 1: die\nAT 2: commit a.txt' });
    expect(outcomes(await forgetful.ended('none'))).toEqual(['killed', 'done']);
  });

  it('parks its task where it has no login, and waits for its quota', async () => {
    const world = await makeWorld();
    await world.start({ key: 'login', goal: 'AT 1: login\nAT 2: commit a.txt' });
    await until(async () => (await world.task('login')).status === 'blocked');
    expect((await world.task('login')).reason).toContain('acp:stub is not logged in on');
    await world.engine.api.resolve({ id: 'login', task: 'A', action: 'retry', guidance: undefined });
    expect(outcomes(await world.ended('login'))).toEqual(['auth', 'done']);

    await world.start({ key: 'quota', goal: 'AT 1: fail status 429 Too Many Requests' });
    await until(async () => (await world.task('quota')).waits?.for === 'quota');
    expect((await world.task('quota')).waits?.on).toContain('the quota of the account stub');
    await world.engine.api.cancel({ id: 'quota', reason: undefined });
  });

  it('that does not tell what its model has refused is known by the conversation’s file', async () => {
    const world = await makeWorld({ runtime: 'pi' });
    await world.start({ key: 'quiet', goal: 'AT 1: say hm, keep-quiet 401 no such key\nAT 2: commit a.txt' });
    await until(async () => (await world.task('quiet')).status === 'blocked');
    expect((await world.task('quiet')).reason).toContain('pi is not logged in on');
    await world.engine.api.resolve({ id: 'quiet', task: 'A', action: 'retry', guidance: undefined });
    // The second goes on in the same conversation: what its file has of the first is not its own.
    expect(outcomes(await world.ended('quiet'))).toEqual(['auth', 'done']);
  });

  it('is refused at the door where the roster does not name it', async () => {
    const world = await makeWorld();
    const wanted = (task: object) => world.start({ key: 'no', goal: 'Work.', task });
    await expect(wanted({ agent: 'other' })).rejects.toThrow('acp:other is not on this host (there is ');
    await expect(wanted({ agent: undefined })).rejects.toThrow('the runtime acp needs agent: there is stub');
    await expect(wanted({ runtime: 'codex' })).rejects.toThrow('agent goes with the runtime acp');
    const absent = await makeWorld({ settings: { command: ['/nowhere/agent'] } });
    await expect(absent.start({ key: 'absent', goal: 'Work.' })).rejects.toThrow(
      'acp:stub is not on this host',
    );
  });
});
