import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isAlive } from '../../activities/processes/tree.ts';
import type { InboxItem } from '../../schema/contracts/inbox.ts';
import type { TaskView } from '../../schema/contracts/views.ts';
import { startKillableEngine } from '../support/engine-process.ts';
import { comesTo, newHost, type HostProcess } from '../support/host-process.ts';
import { startRealEngine } from '../support/real-engine.ts';
import { runnerOf } from '../support/runners.ts';
import { acpRoster, notesOf, stubAcp } from '../support/stub-acp.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';

function missionThatAsks(path: string): string {
  const asks = 'ask execute touch b.txt, commit a.txt';
  const goal = `AT 1: ${asks}\nAT 2: ${asks}`;
  const task = { id: 'A', title: 'A', goal, runtime: 'acp', agent: 'stub' };
  return JSON.stringify({
    version: 1,
    key: 'asks',
    title: 'Asks',
    repository: { forge: 'local', path },
    milestones: [{ id: 'm1', title: 'All', tasks: [task] }],
  });
}

/** An engine and hosts start, and leases run out, on a loaded machine. */
const timeout = 300_000;

it(
  'of the engine while a person is asked: the question is asked once and answered once',
  async () => {
    const root = await temporaryFolder();
    const data = join(root, 'data');
    await mkdir(data);
    await writeFile(join(data, 'roster.yaml'), acpRoster({ stub: stubAcp({ home: root }) }));
    const world = await startKillableEngine({ place: { data, dataForEngine: data } });
    await (await world.api()).create(missionThatAsks(world.repository.planned.address), 'application/json');

    await until(async () => (await task()).questions.length > 0);
    await world.engine.kill();
    await world.engine.start();
    expect((await task()).questions.map(({ id }) => id)).toEqual(['author-1-1']);
    await (await world.api()).answer({ id: 'asks', task: 'A', question: 'author-1-1', option: 'yes' });
    // Whatever of the answer is on its way has to come by itself.
    await world.engine.kill();
    await world.engine.start();
    const events = await world.follow('asks');
    expect(await task()).toMatchObject({ status: 'merged', questions: [] });
    expect(events.filter(({ type }) => type === 'asked')).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'answered')).toHaveLength(1);
    expect(await notesOf(root, 'answered')).toEqual(['yes']);
    expect(await notesOf(root, 'begun')).toHaveLength(1);

    async function task(): Promise<TaskView> {
      const [first] = (await (await world.api()).show('asks')).tasks;
      if (!first) throw new Error('the mission has no task');
      return first;
    }
  },
  timeout,
);

it(
  'of the engine while a blocked task waits: the answer by the inbox resumes exactly there',
  async () => {
    const world = await startKillableEngine();
    const key = 'blocked';
    // It works when it is tried again.
    const script = `echo x >> ${world.work}/tries\n[ "$(wc -l < ${world.work}/tries)" -gt 1 ] || exit 3\n`;
    await world.startMission({
      key,
      scripts: { A: `${script}touch a.txt\ngit add --all\ngit commit --quiet --message A\n` },
      policy: { remediations: 0 },
    });
    const inbox = async (): Promise<InboxItem[]> =>
      (await (await world.api()).inbox({ mission: key, limit: 10, cursor: undefined })).items;
    await until(async () => (await inbox()).length > 0);
    const [asked] = await inbox();
    await world.engine.kill();
    await world.engine.start();
    expect(await inbox()).toEqual([asked]);
    const answer = { item: asked?.id ?? '', choice: 'retry', note: undefined };
    await (await world.api()).answerItem(answer);
    await world.engine.kill();
    await world.engine.start();
    const events = await world.follow(key);
    await expect((await world.api()).answerItem(answer)).rejects.toThrow('it has ended');
    expect(events.filter(({ type }) => type === 'blocked')).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'resolved')).toHaveLength(1);
    expect((await readFile(join(world.work, 'tries'), 'utf8')).trim().split('\n')).toHaveLength(2);
    expect((await (await world.api()).show(key)).mission.status).toBe('completed');
  },
  timeout,
);

describe('a person is asked by an agent on another host', () => {
  /** An engine without agents, and hosts that have one. */
  async function makeWorld() {
    const home = await temporaryFolder();
    const engine = await startRealEngine({ 'README.md': 'hi\n' });
    return { engine, addHost, begin, task, answer, ended, noted };

    async function addHost(name: string): Promise<HostProcess> {
      const host = await newHost(engine, name);
      await writeFile(join(host.data, 'roster.yaml'), acpRoster({ stub: stubAcp({ home }) }));
      await host.start();
      return host;
    }

    async function begin(): Promise<void> {
      await engine.api.create(missionThatAsks(engine.repository.planned.address), 'application/json');
      await until(async () => (await task()).questions.length > 0);
    }

    async function task(): Promise<TaskView> {
      const [first] = (await engine.api.show('asks')).tasks;
      if (!first) throw new Error('the mission has no task');
      return first;
    }

    function answer(question: string): Promise<void> {
      return engine.api.answer({ id: 'asks', task: 'A', question, option: 'yes' });
    }

    async function ended(): Promise<TaskView> {
      await until(async () => (await engine.api.show('asks')).mission.status === 'completed');
      return task();
    }

    async function noted(name: string): Promise<number> {
      return (await notesOf(home, name)).length;
    }
  }

  it(
    'that is lost: the answer is refused, and asked for again by the session that begins anew',
    async () => {
      const world = await makeWorld();
      const far = await world.addHost('far');
      await world.begin();
      const runner = await runnerOf(far, 'asks.A.author.1');
      await far.end('SIGKILL');
      // It is silent: it may be back, and the answer waits for it, until it is lost.
      const answering = world.answer('author-1-1');
      const refused = expect(answering).rejects.toThrow('the host far is lost');
      await world.addHost('near');
      await refused;
      await until(async () => {
        const wasAlive = isAlive(runner);
        const begun = await world.noted('begun');
        // Never two at once: the first was dead when there was a second.
        if (begun === 2) expect(wasAlive).toBe(false);
        return begun === 2;
      });
      await until(async () => (await world.task()).questions.some(({ id }) => id === 'author-2-1'));
      await expect(world.answer('author-1-1')).rejects.toThrow('author-1-1 is over');
      await world.answer('author-2-1');
      const task = await world.ended();
      expect(task).toMatchObject({ status: 'merged', questions: [] });
      expect(task.sessions.filter(({ role }) => role === 'author')).toMatchObject([
        { host: 'far', end: 'lost' },
        { host: 'near', end: 'exited' },
      ]);
      expect(await world.noted('begun')).toBe(2);
      expect(await world.noted('answered')).toBe(1);
      expect(await world.engine.repository.history()).toHaveLength(2);
    },
    timeout,
  );

  it(
    'that is drained: it stays until the person has answered and the work is pushed',
    async () => {
      const world = await makeWorld();
      const far = await world.addHost('far');
      await world.begin();
      // As a service manager does; the integration tests do it by the command.
      far.signal('SIGUSR2');
      await comesTo(world.engine, 'far', 'draining');
      expect((await world.task()).waits).toMatchObject({ for: 'person' });
      await world.answer('author-1-1');
      expect(await world.ended()).toMatchObject({ status: 'merged', sessions: [{ host: 'far' }, {}, {}] });
      expect(await far.ended()).toBe(0);
      await comesTo(world.engine, 'far', 'left');
      expect(await world.noted('begun')).toBe(1);
      expect(await world.noted('answered')).toBe(1);
    },
    timeout,
  );
});
