import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import type { InboxItem } from '../../schema/contracts/inbox.ts';
import { initialMissionView } from '../../schema/contracts/views.ts';
import { recordMission } from '../../schema/db/projection.ts';
import { createApi } from '../../scripts/cli/api-client.ts';
import { exitCodes } from '../../scripts/cli/output.ts';
import { FakeWorld } from '../fakes/fake-world.ts';
import { startApi } from '../support/api.ts';
import { runMission } from '../support/mission-command.ts';
import { commits, startRealEngine } from '../support/real-engine.ts';
import { tellMission } from '../support/missions.ts';
import { acpRoster, stubAcp } from '../support/stub-acp.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { startTestEngine } from '../support/workers.ts';

/** An engine with an agent that asks before it works. */
async function makeWorld() {
  const home = await temporaryFolder();
  const roster = acpRoster({ stub: stubAcp({ home }) });
  const engine = await startRealEngine({ 'README.md': 'hi\n' }, undefined, {}, roster);
  const { api } = engine;
  return { engine, api, inbox, waitsFor, refused, asks, start };

  async function inbox(of: { mission?: string; kind?: string } = {}): Promise<InboxItem[]> {
    const items: InboxItem[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await api.inbox({ ...of, limit: 1, cursor });
      items.push(...page.items);
      if (page.nextCursor === null) return items;
      cursor = page.nextCursor;
    }
  }

  async function waitsFor(mission: string, kind: string): Promise<InboxItem> {
    await until(async () => (await inbox({ mission, kind })).length > 0);
    const [item] = await inbox({ mission, kind });
    if (!item) throw new Error(`${mission} has no ${kind}`);
    return item;
  }

  async function refused(item: string, choice: string): Promise<string> {
    const told = await api.answerItem({ item, choice, note: undefined }).catch((error: unknown) => error);
    return told instanceof Error ? told.message : 'it was taken';
  }

  async function asks(key: string, policy: object = {}): Promise<void> {
    const goal = 'AT 1: ask execute touch b.txt, commit a.txt';
    const task = { id: 'A', title: 'Asks', goal, runtime: 'acp', agent: 'stub' };
    const repository = { forge: 'local', path: engine.repository.planned.address };
    const milestones = [{ id: 'm1', title: 'All', tasks: [task] }];
    const file = { version: 1, key, title: key, repository, policy, milestones };
    await api.create(JSON.stringify(file), 'application/json');
  }

  async function start(key: string, script: string, more: { policy?: object; task?: object }): Promise<void> {
    const { task = {}, ...rest } = more;
    const file = await engine.missionFile({ key, scripts: { A: script }, more: rest, task });
    await api.create(JSON.stringify(file), 'application/json');
  }
}

describe('the inbox', () => {
  it('has what waits for a person, oldest first, and takes the answer to each', async () => {
    const world = await makeWorld();
    const { api, inbox, waitsFor } = world;
    await world.start('red', commits('r.txt'), {
      policy: { remediations: 0, sessions: 3 },
      task: { checks: ['test -e mended.txt'] },
    });
    const blocked = await waitsFor('red', 'blocked');
    await world.asks('asks', { coordinators: ['admin'] });
    const question = await waitsFor('asks', 'question');

    expect(blocked).toMatchObject({
      about: 'remediation',
      command: 'test -e mended.txt',
      choices: [{ id: 'retry' }, { id: 'skip' }, { id: 'abandon' }],
    });
    expect(question).toMatchObject({ id: 'asks.A.author-1-1', about: 'permission', detail: 'touch b.txt' });
    expect((await inbox()).map(({ id }) => id)).toEqual([blocked.id, question.id]);
    expect(await inbox({ kind: 'go-ahead' })).toEqual([]);

    await expect(api.answerItem({ item: question.id, choice: 'maybe', note: undefined })).rejects.toThrow(
      'author-1-1 can be answered with yes, no',
    );
    await api.answerItem({ item: question.id, choice: 'yes', note: 'go on' });
    await expect(api.answerItem({ item: question.id, choice: 'no', note: undefined })).rejects.toThrow(
      /author-1-1 was answered already: yes by admin at \d{4}-.*; it asked: Run touch b.txt/,
    );
    const goAhead = await waitsFor('asks', 'go-ahead');
    expect(goAhead.id).toBe(`asks.A.go-ahead-${goAhead.headSha ?? ''}`);
    const other = goAhead.id.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    await expect(api.answerItem({ item: other, choice: 'approve', note: undefined })).rejects.toThrow(
      'The head has moved',
    );
    await api.answerItem({ item: goAhead.id, choice: 'approve', note: undefined });
    await until(async () => (await api.show('asks')).mission.status === 'completed');
    const merged = /; A is not running any more: it has ended as merged at \d{4}-/;
    for (const [item, choice, told] of [
      [question.id, 'no', /author-1-1 was answered already: yes by admin at .*; it asked: Run touch b.txt;/],
      [goAhead.id, 'approve', /[0-9a-f]{40} has its go-ahead, by admin at \d{4}-/],
    ] as const) {
      const late = await world.refused(item, choice);
      expect(late).toMatch(told);
      expect(late).toMatch(merged);
    }

    await api.answerItem({ item: blocked.id, choice: 'retry', note: 'make mended.txt' });
    await until(async () => (await inbox({ mission: 'red' })).some(({ id }) => id !== blocked.id));
    await expect(api.answerItem({ item: blocked.id, choice: 'abandon', note: undefined })).rejects.toThrow(
      `${blocked.id} was answered; what waits now is red.A.blocked-`,
    );
    const again = await waitsFor('red', 'blocked');
    await api.answerItem({ item: again.id, choice: 'skip', note: undefined });
    await until(async () => (await api.show('red')).mission.status === 'completed');
    expect(await inbox()).toEqual([]);
    for (const [item, action] of [
      [blocked.id, 'retry'],
      [again.id, 'skip'],
    ] as const) {
      const what = item.slice('red.A.'.length);
      expect(await world.refused(item, 'retry')).toMatch(
        new RegExp(
          `${what} was answered already: ${action} by admin at .*; A is not running any more: it has ended as skipped`,
        ),
      );
    }
  });

  it('tells the second of two what the first has answered, also at the command line', async () => {
    const world = await makeWorld();
    const mended = join(world.engine.root, 'mended');
    const script = 'echo "$MISSION_LAUNCH" > r.txt\ngit add --all\ngit commit --quiet --message Change\n';
    await world.start('twice', script, {
      // It waits for its go-ahead then, and for nothing else.
      policy: { remediations: 0, sessions: 3, coordinators: ['lead'] },
      task: { checks: [`test -e ${mended}`] },
    });
    const blocked = await world.waitsFor('twice', 'blocked');
    await writeFile(mended, '');
    await world.api.answerItem({ item: blocked.id, choice: 'retry', note: undefined });

    const { url, token } = world.engine;
    const { code, stderr } = await runMission(['answer', blocked.id, 'abandon', '--json'], {
      env: { MISSION_URL: url, MISSION_TOKEN: token },
    });
    expect(code).toBe(exitCodes.refused);
    const error = z
      .object({ error: z.object({ message: z.string(), code: z.string() }) })
      .parse(JSON.parse(stderr));
    expect(error.error.code).toBe('refused');
    expect(error.error.message).toMatch(
      /A is not blocked: there is nothing to abandon; blocked-\d+ was answered already: retry by admin at \d{4}-.*; it asked: the check/,
    );
    expect((await world.api.show('twice')).mission.status).toBe('running');
  });

  it('wants a scope of its own for a go-ahead and for a law, and knows items of missions that are there', async () => {
    const { engine, api } = await makeWorld();
    const token = await api.createToken({ name: 'writer', scopes: ['missions:read', 'missions:write'] });
    const writer = createApi({ url: engine.url, token });
    const answer = (item: string) => writer.answerItem({ item, choice: 'approve', note: undefined });
    await expect(answer(`none.A.go-ahead-${'a'.repeat(40)}`)).rejects.toThrow(
      'lacks the scope merge:approve',
    );
    await expect(answer('none.A.law-1')).rejects.toThrow('lacks the scope merge:approve');
    const byTask = writer.answer({ id: 'none', task: 'A', question: 'law-1', option: 'lift' });
    await expect(byTask).rejects.toThrow('lacks the scope merge:approve');
    const approver = await api.createToken({ name: 'approver', scopes: ['merge:approve'] });
    const lift = { item: 'none.A.law-1', choice: 'lift', note: undefined };
    await expect(createApi({ url: engine.url, token: approver }).answerItem(lift)).rejects.toThrow(
      'there is no mission none',
    );
    await expect(answer('none.A.author-1-1')).rejects.toThrow('there is no mission none');
    await expect(answer('none.other')).rejects.toThrow('there is no item none.other');
  });

  it('cancels no mission that goes on, by an answer to what it was paused for', async () => {
    const engine = await startTestEngine(new FakeWorld());
    onTestFinished(() => engine.stop());
    const api = await startApi(engine);
    const { tenant } = engine.facts;
    const plan = await tellMission(api.queries, { id: 'm', repository: 0, status: 'running' });
    const answered = { option: 'resume', by: 'ann', expired: false };
    const asked = [{ id: 'paused-8', title: 'm1 is not verified', answer: answered, at: 9 }];
    const view = { ...initialMissionView(plan, 'running'), asked };
    await recordMission(api.queries, { tenant, mission: 'm', seq: 2, events: [], view });

    const late = await api.post('/v1/inbox/m.paused-8/answer', { choice: 'cancel' });
    expect(late).toMatchObject({
      status: 409,
      body: {
        type: 'urn:mission-engine:conflict',
        detail:
          'paused-8 was answered already: resume by ann at 1970-01-01T00:00:00.009Z; it asked: m1 is not verified; the mission is running',
      },
    });
    const never = await api.post('/v1/inbox/m.paused-7/answer', { choice: 'cancel' });
    expect(never).toMatchObject({
      status: 409,
      body: { detail: 'm is not paused since then; the mission is running' },
    });
    const unknown = await api.post('/v1/inbox/m.NONE.law-1/answer', { choice: 'lift' });
    expect(unknown).toMatchObject({
      status: 404,
      body: { detail: 'there is no task NONE in the mission m' },
    });
  });
});
