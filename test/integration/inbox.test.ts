import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { InboxItem } from '../../schema/contracts/inbox.ts';
import { packageRoot } from '../../schema/package-root.ts';
import { createApi } from '../../scripts/cli/api-client.ts';
import { commits, startRealEngine } from '../support/real-engine.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';

/** An engine with an agent that asks before it works. */
async function makeWorld() {
  const home = await temporaryFolder();
  const command = [join(packageRoot(), 'test/fakes/stub-acp.mjs')];
  const roster = JSON.stringify({ version: 1, acp: { stub: { command, env: { STUB_ACP_HOME: home } } } });
  const engine = await startRealEngine({ 'README.md': 'hi\n' }, undefined, {}, roster);
  const { api } = engine;
  return { engine, api, inbox, waitsFor, asks, start };

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
      /author-1-1 was answered already: yes by admin at \d{4}-/,
    );
    const goAhead = await waitsFor('asks', 'go-ahead');
    expect(goAhead.id).toBe(`asks.A.go-ahead-${goAhead.headSha ?? ''}`);
    const other = goAhead.id.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
    await expect(api.answerItem({ item: other, choice: 'approve', note: undefined })).rejects.toThrow(
      'The head has moved',
    );
    await api.answerItem({ item: goAhead.id, choice: 'approve', note: undefined });
    await until(async () => (await api.show('asks')).mission.status === 'completed');

    await api.answerItem({ item: blocked.id, choice: 'retry', note: 'make mended.txt' });
    await until(async () => (await inbox({ mission: 'red' })).some(({ id }) => id !== blocked.id));
    await expect(api.answerItem({ item: blocked.id, choice: 'abandon', note: undefined })).rejects.toThrow(
      `${blocked.id} was answered; what waits now is red.A.blocked-`,
    );
    const again = await waitsFor('red', 'blocked');
    await api.answerItem({ item: again.id, choice: 'skip', note: undefined });
    await until(async () => (await api.show('red')).mission.status === 'completed');
    expect(await inbox()).toEqual([]);
  });

  it('wants a scope of its own for a go-ahead, and knows items of missions that are there', async () => {
    const { engine, api } = await makeWorld();
    const token = await api.createToken({ name: 'writer', scopes: ['missions:read', 'missions:write'] });
    const writer = createApi({ url: engine.url, token });
    const answer = (item: string) => writer.answerItem({ item, choice: 'approve', note: undefined });
    await expect(answer(`none.A.go-ahead-${'a'.repeat(40)}`)).rejects.toThrow(
      'lacks the scope merge:approve',
    );
    await expect(answer('none.A.law-1')).rejects.toThrow('there is no mission none');
    await expect(answer('none.other')).rejects.toThrow('there is no item none.other');
  });
});
