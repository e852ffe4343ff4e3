import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TaskView } from '../../schema/contracts/views.ts';
import { processesOfRun, processStartTime } from '../../activities/processes/tree.ts';
import { followMission } from '../../scripts/cli/follow.ts';
import { newHost } from '../support/host-process.ts';
import { startRealEngine, type RealEngine } from '../support/real-engine.ts';
import { makeRepository, type TestRepository } from '../support/repository.ts';
import { acpRoster, notesOf, stubAcp } from '../support/stub-acp.ts';
import { inCommon, sideBySideMs, temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';

/** The agents of the roster, one for each test, by the name of its mission: each has its notes to itself. */
const agents: Readonly<Record<string, { arguments?: string[]; settings?: object }>> = {
  whole: { settings: { mode: 'free', model: 'large' } },
  lists: {
    settings: {
      permissions: { allow: [{ kind: 'execute', like: 'touch *' }], deny: [{ like: '*secret*' }] },
    },
  },
  none: { arguments: ['--keeps-none'] },
  absent: { settings: { command: ['/nowhere/agent'] } },
  ...Object.fromEntries(
    ['asks', 'restarted', 'cancelled', 'deaf', 'asking', 'killed', 'gone', 'login', 'quota', 'pi'].map(
      (name) => [name, {}],
    ),
  ),
};

interface World {
  engine: RealEngine;
  /** Starts a mission on a repository of its own, for the agent of its name unless its task says otherwise. */
  start(of: { key: string; goal: string; task?: object; policy?: object }): Promise<TestRepository>;
  /** Follows a mission to its end. */
  ended(key: string): Promise<TaskView>;
  task(key: string): Promise<TaskView>;
  asked(key: string): Promise<TaskView>;
  answer(key: string, option: string, question?: string): Promise<void>;
  /** All that the agent of that name has noted. */
  notes(agent: string, name: string): Promise<unknown[]>;
  homeOf(agent: string): string;
}

/** One engine for all: most of their time its missions wait. */
const world = inCommon(async (atEnd): Promise<World> => {
  const homes = await temporaryFolder(atEnd);
  const homeOf = (agent: string): string => join(homes, agent);
  for (const name of [...Object.keys(agents), 'far']) await mkdir(homeOf(name));
  const acp = Object.fromEntries(
    Object.entries(agents).map(([name, of]) => [name, stubAcp({ home: homeOf(name), ...of })]),
  );
  const stub = stubAcp({ home: homeOf('pi') });
  const env = { ...stub.env, PI_CODING_AGENT_DIR: join(homeOf('pi'), 'pi') };
  const pi = { driver: 'acp', adapter: stub.command, env };
  const roster = acpRoster(acp, { runtimes: { pi } });
  const config = () => ({ slots: 20 });
  const engine = await startRealEngine({ 'README.md': 'hi\n' }, config, { roots: [tmpdir()] }, roster, atEnd);
  return { engine, start, ended, task, asked, answer, notes, homeOf };

  async function start({ key, goal, task: more = {}, policy = {} }: Parameters<World['start']>[0]) {
    const repository = await makeRepository({ 'README.md': 'hi\n' }, atEnd);
    const tasks = [{ id: 'A', title: 'Work', goal, runtime: 'acp', agent: key, ...more }];
    const file = {
      version: 1,
      key,
      title: key,
      repository: { forge: 'local', path: repository.planned.address },
      policy,
      milestones: [{ id: 'm1', title: 'All', tasks }],
    };
    await engine.api.create(JSON.stringify(file), 'application/json');
    return repository;
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

  function notes(agent: string, name: string): Promise<unknown[]> {
    return notesOf(homeOf(agent), name);
  }
});

function outcomes(task: TaskView) {
  return task.sessions.flatMap(({ agent }) => agent?.outcome ?? []);
}

describe.concurrent('an agent that speaks the Agent Client Protocol', { timeout: sideBySideMs }, () => {
  it('does a whole task, in the mode and with the model that it is to have', async () => {
    const its = world();
    await its.start({ key: 'whole', goal: 'AT 1: say I begin, commit a.txt, spend 0.5, say all done' });
    const task = await its.ended('whole');

    expect(task.status).toBe('merged');
    expect(task.sessions[0]).toMatchObject({
      runtime: 'acp:whole',
      end: 'exited',
      agent: {
        outcome: 'done',
        message: 'all done',
        model: 'large',
        version: '4.5.6',
        usage: { inputTokens: 1_100, cachedTokens: 200, outputTokens: 10, costUsd: 0.5 },
      },
    });
    expect(await its.notes('whole', 'mode')).toEqual(['free']);
  });

  it('is answered by the lists of its operator, and nobody is asked', async () => {
    const its = world();
    const goal = 'AT 1: ask execute touch b.txt, ask execute touch secret.txt, commit a.txt';
    const { git, planned } = await its.start({ key: 'lists', goal });
    expect((await its.ended('lists')).status).toBe('merged');
    expect(await its.notes('lists', 'answered')).toEqual(['yes', 'no']);
    const merged = await git.run({ cwd: planned.address, args: ['ls-tree', '--name-only', 'main'] });
    expect(merged.stdout.split('\n')).toEqual(expect.arrayContaining(['a.txt', 'b.txt']));
    expect(merged.stdout).not.toContain('secret.txt');
  });

  it('asks a person what the lists leave open, who answers once and with what was offered', async () => {
    const its = world();
    await its.start({
      key: 'asks',
      goal: 'AT 1: ask execute touch b.txt, commit a.txt',
      // The person takes longer than that.
      policy: { stallSeconds: 10, sessionTimeoutSeconds: 10 },
    });
    const asked = await its.asked('asks');
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
    await expect(its.answer('asks', 'maybe')).rejects.toThrow('author-1-1 can be answered with yes, no');
    await expect(its.answer('asks', 'yes', 'author-9-9')).rejects.toThrow(
      'there is no question author-9-9: open is author-1-1',
    );
    const patience = Date.now() + 15_000;
    await until(() => Promise.resolve(Date.now() > patience));
    await its.answer('asks', 'yes');
    await expect(its.answer('asks', 'no')).rejects.toThrow(
      /^This contradicts the present state: author-1-1 was answered already: yes by admin at .*; it asked: Run touch b.txt/,
    );

    const task = await its.ended('asks');
    expect(task).toMatchObject({ status: 'merged', questions: [] });
    expect(await its.notes('asks', 'answered')).toEqual(['yes']);
    expect(outcomes(task)).toEqual(['done']);
  });

  it('is told of a cancellation, and all that it has started is gone', async () => {
    const its = world();
    await its.start({ key: 'cancelled', goal: 'AT 1: orphan, hang' });
    await until(async () => (await its.notes('cancelled', 'hanging')).length > 0);
    await its.engine.api.cancel({ id: 'cancelled', reason: undefined });
    const task = await its.ended('cancelled');
    expect(task.status).toBe('cancelled');
    expect(await its.notes('cancelled', 'cancelled')).toEqual([true]);
    const run = join(its.engine.root, 'data/sessions/cancelled.A.author.1');
    expect(processesOfRun(run)).toEqual([]);
    const [orphan] = await its.notes('cancelled', 'orphan');
    // A dead one may wait for its parent to hear of it.
    expect(processStartTime(Number(orphan))).toBeUndefined();
  });

  it('is ended when it does not stop for a cancellation, and while a person is asked', async () => {
    const its = world();
    await its.start({ key: 'deaf', goal: 'AT 1: ignore' });
    await its.start({ key: 'asking', goal: 'AT 1: ask execute touch b.txt' });
    await until(async () => (await its.notes('deaf', 'hanging')).length > 0);
    await its.asked('asking');
    for (const id of ['deaf', 'asking']) await its.engine.api.cancel({ id, reason: undefined });
    for (const key of ['deaf', 'asking']) {
      const task = await its.ended(key);
      expect(task).toMatchObject({ status: 'cancelled' });
      expect(processesOfRun(join(its.engine.root, `data/sessions/${key}.A.author.1`))).toEqual([]);
    }
    await expect(its.answer('asking', 'yes')).rejects.toThrow(
      /^This contradicts the present state: author-1-1 is over since .*, without an answer; it asked: Run touch b.txt; A is not running any more: it has ended as cancelled at \d{4}-/,
    );
  });

  it('goes on in the conversation of a session that was killed', async () => {
    const its = world();
    await its.start({ key: 'killed', goal: 'AT 1: say hello, die\nAT 2: commit a.txt' });
    const task = await its.ended('killed');
    expect(outcomes(task)).toEqual(['killed', 'done']);
    const [first, second] = task.sessions.map(({ agent }) => agent?.conversation);
    expect(first).toBe(second);
    expect(await its.notes('killed', 'loaded')).toEqual([first]);
    // What it tells while it loads was told before.
    expect(task.sessions[1]?.agent?.message).toBe('');
  });

  it('begins afresh where its conversation is gone, and where it keeps none', async () => {
    const its = world();
    await its.start({ key: 'gone', goal: 'AT 1: forget, die\nAT 3: commit a.txt' });
    expect(outcomes(await its.ended('gone'))).toEqual(['killed', 'lost', 'done']);
    await its.start({ key: 'none', goal: 'AT 1: die\nAT 2: commit a.txt' });
    expect(outcomes(await its.ended('none'))).toEqual(['killed', 'done']);
  });

  it('parks its task where it has no login, and waits for its quota', async () => {
    const its = world();
    await its.start({ key: 'login', goal: 'AT 1: login\nAT 2: commit a.txt' });
    await until(async () => (await its.task('login')).status === 'blocked');
    expect((await its.task('login')).reason).toContain('acp:login is not logged in on');
    await its.engine.api.resolve({ id: 'login', task: 'A', action: 'retry', guidance: undefined });
    expect(outcomes(await its.ended('login'))).toEqual(['auth', 'done']);

    await its.start({ key: 'quota', goal: 'AT 1: fail status 429 Too Many Requests' });
    await until(async () => (await its.task('quota')).waits?.for === 'quota');
    expect((await its.task('quota')).waits?.on).toContain('the quota of the account quota');
    await its.engine.api.cancel({ id: 'quota', reason: undefined });
  });

  it('that does not tell what its model has refused is known by the conversation’s file', async () => {
    const its = world();
    const goal = 'AT 1: say hm, keep-quiet 401 no such key\nAT 2: commit a.txt';
    await its.start({ key: 'quiet', goal, task: { runtime: 'pi', agent: undefined } });
    await until(async () => (await its.task('quiet')).status === 'blocked');
    expect((await its.task('quiet')).reason).toContain('pi is not logged in on');
    await its.engine.api.resolve({ id: 'quiet', task: 'A', action: 'retry', guidance: undefined });
    // The second goes on in the same conversation: what its file has of the first is not its own.
    expect(outcomes(await its.ended('quiet'))).toEqual(['auth', 'done']);
  });

  it('is refused at the door where the roster does not name it', async () => {
    const its = world();
    const wanted = (task: object) => its.start({ key: 'no', goal: 'Work.', task });
    await expect(wanted({ agent: 'other' })).rejects.toThrow('acp:other is not on this host (there is ');
    await expect(wanted({ agent: undefined })).rejects.toThrow('the runtime acp needs agent: there is ');
    await expect(wanted({ runtime: 'codex' })).rejects.toThrow('agent goes with the runtime acp');
    await expect(wanted({ agent: 'absent' })).rejects.toThrow('acp:absent is not on this host');
  });
});

describe('where its host or its engine comes and goes, an agent that speaks it', () => {
  it('works on the host whose roster names it, and is asked and answered there', async () => {
    const its = world();
    const host = await newHost(its.engine, 'far');
    await writeFile(join(host.data, 'roster.yaml'), acpRoster({ far: stubAcp({ home: its.homeOf('far') }) }));
    await host.start();
    await its.start({ key: 'far', goal: 'AT 1: ask execute touch b.txt, commit a.txt' });
    await its.asked('far');
    await its.answer('far', 'yes');
    const task = await its.ended('far');
    expect(task).toMatchObject({ status: 'merged', questions: [] });
    expect(task.sessions[0]).toMatchObject({ host: 'far', runtime: 'acp:far', account: 'far' });
    expect(await its.notes('far', 'answered')).toEqual(['yes']);
  });

  it('is asked and answered once, also where the engine goes and comes again between the two', async () => {
    const its = world();
    await its.start({ key: 'restarted', goal: 'AT 1: ask execute touch b.txt, commit a.txt' });
    await its.asked('restarted');
    await its.engine.restart(() => Promise.resolve());
    expect((await its.task('restarted')).questions).toHaveLength(1);
    await its.answer('restarted', 'yes');
    const task = await its.ended('restarted');
    expect(task).toMatchObject({ status: 'merged', questions: [] });
    expect(await its.notes('restarted', 'begun')).toHaveLength(1);
    expect(await its.notes('restarted', 'answered')).toEqual(['yes']);
  });
});
