import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { getTableName, is } from 'drizzle-orm';
import { PgTable } from 'drizzle-orm/pg-core';
import { describe, expect, inject, it, vi } from 'vitest';
import * as tables from '../../schema/db/tables.ts';
import { historyText } from '../support/histories.ts';
import { commits, startRealEngine, type RealEngine } from '../support/real-engine.ts';
import { useCodex } from '../support/stub-codex.ts';

/** Written in two parts wherever it is printed, so that the mission file does not have it. */
const token = `ghp_${'Ab12'.repeat(9)}`;
const printsToken = `p=ghp_; printf 'the token is %s%s\\n' $p ${'Ab12'.repeat(9)}`;

const ofTheEngine = 'hush-of-the-engine';
const printsEngines = `p=hush-of; printf '%s-the-engine\\n' $p`;

const ofTheForge = 'key-of-the-forge';
const printsForges = `p=key-of; printf '%s-the-forge\\n' $p`;

const ofTheRoster = 'sesame-open-wide';

async function run(engine: RealEngine, file: object, id: string): Promise<void> {
  await engine.api.create(JSON.stringify(file), 'application/json');
  for await (const { type, message } of engine.api.events({ id, after: 0 })) {
    if (type === 'blocked') throw new Error(message);
  }
}

/** Every row of every table, as text. */
async function databaseOf({ engine }: RealEngine): Promise<Map<string, string>> {
  const rows = new Map<string, string>();
  for (const table of Object.values(tables)) {
    if (!is(table, PgTable)) continue;
    rows.set(getTableName(table), JSON.stringify(await engine.queries.select().from(table)));
  }
  return rows;
}

/** The whole history of each workflow of an engine, its payloads decoded. */
async function historiesOf({ engine }: RealEngine): Promise<Map<string, string>> {
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  const client = new Client({ connection });
  const histories = new Map<string, string>();
  for await (const { workflowId } of client.workflow.list()) {
    if (!workflowId.startsWith(`${engine.address.installation}/`)) continue;
    histories.set(workflowId, await historyText(client.workflow.getHandle(workflowId)));
  }
  await connection.close();
  return histories;
}

async function promptsOf({ root }: RealEngine): Promise<string> {
  const folder = join(root, 'data/sessions');
  const names = await readdir(folder);
  const read = names.map((name) => readFile(join(folder, name, 'prompt.md'), 'utf8'));
  return (await Promise.all(read)).join('\n');
}

describe('a secret that is printed', () => {
  it('by an agent, a check, CI and a reviewer is in no row of the database and in no history', async () => {
    vi.stubEnv('ENGINES_API_KEY', ofTheEngine);
    await useCodex();
    const finding = '{"severity":"nit","category":"c","file":"a.txt","message":"%s"}';
    const answer = `{"verdict":"approve","summary":"%s","findings":[${finding}]}`;
    const leaky = ['sh', '-c', `said=$(${printsToken}); printf '${answer}' "$said" "$said"`];
    const pipeline = JSON.stringify({
      version: 1,
      steps: [{ name: 'test', run: `${printsToken}; ${printsEngines}; ${printsForges}; test ! -e red.txt` }],
    });
    const engine = await startRealEngine(
      { 'README.md': 'hi\n', '.mission/ci.yaml': pipeline },
      () => ({ engines: { leaky: { family: 'leaky', argv: leaky } } }),
      {},
      `version: 1\nruntimes: {codex: {env: {WHATEVER: ${ofTheRoster}}}}\n`,
    );
    const tokens = `hosts: {git.example.org: {token: ${ofTheForge}}}\n`;
    // It is read at the start.
    await engine.restart(() => writeFile(join(engine.root, 'data/forges.yaml'), tokens, { mode: 0o600 }));
    const policy = { reviewers: [{ engine: 'leaky' }, { engine: 'diff-check' }] };
    const script = `${printsToken}
case $MISSION_LAUNCH in
1) ${commits('"$(printf %s ghp_ ' + 'Ab12'.repeat(9) + ').txt"')} ;;
2) git rm --quiet ghp_*; touch red.txt; ${commits('check.txt')} ;;
*) git rm --quiet red.txt; git commit --quiet --message green ;;
esac`;
    const checks = [`${printsToken}; ${printsEngines}; ${printsForges}; test -e check.txt`];
    const file = await engine.missionFile({
      key: 'work',
      scripts: { A: script },
      task: { checks },
      more: { policy },
    });
    await run(engine, file, 'work');

    const reason = `${printsToken} > said; printf '{"outcome":"no-change-needed","reason":"%s"}' "$(cat said)" > $MISSION_OUTCOME_FILE`;
    await run(engine, await engine.missionFile({ key: 'none', scripts: { A: reason } }), 'none');

    const goal = 'AT 1: tell WHATEVER\nAT 2: commit a.txt, tell WHATEVER';
    const tasks = [{ id: 'A', title: 'Work', goal, runtime: 'codex' }];
    const told = { ...file, key: 'told', milestones: [{ id: 'm1', title: 'All', tasks }], policy: {} };
    await run(engine, told, 'told');

    const stored = await databaseOf(engine);
    const histories = await historiesOf(engine);
    expect([...histories.keys()].filter((id) => id.includes('/mission-'))).toHaveLength(6);
    const places = new Map([...stored, ...histories, ['prompts', await promptsOf(engine)]]);
    const ofTasks = [...histories.keys()].filter((id) => id.endsWith('/A'));
    expect(ofTasks).toHaveLength(3);
    for (const secret of [token, ofTheEngine, ofTheForge, ofTheRoster]) {
      const leaks = [...places].filter(([, text]) => text.includes(secret)).map(([place]) => place);
      expect(leaks).toEqual([]);
    }
    // They were there to be found: what was said around them is.
    const stores = ['forge_statuses', 'forge_reviews', 'reviews', 'events', 'tasks'];
    for (const place of [...stores, 'prompts', ...ofTasks]) {
      expect([place, places.get(place)]).toEqual([place, expect.stringContaining('[redacted]')]);
    }
    expect((await engine.api.show('work')).tasks[0]).toMatchObject({ status: 'merged' });
    expect((await engine.api.show('none')).tasks[0]).toMatchObject({
      status: 'no-change',
      reason: 'the token is [redacted]',
    });
    expect((await engine.api.show('told')).tasks[0]?.sessions[0]?.agent?.message).toBe('it is [redacted]');
  });
});
