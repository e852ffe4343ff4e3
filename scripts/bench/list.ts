import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApi, findApi } from '../cli/api-client.ts';
import { initialMissionView, initialTaskView } from '../../schema/contracts/views.ts';
import { ask } from '../postgres-server.ts';
import { EngineProcess } from '../quickstart/engine-process.ts';
import type { Measure } from './measures.ts';
import { toMission } from './orders.ts';
import { openDatabaseServer } from './database-server.ts';
import { atMost, part } from './rows.ts';
import { median, percentile } from './statistics.ts';

/** How many pages of 200 the deep page lies below the newest. */
const deepPages = 100;

/** The lists that are timed: what stands in the address after `?`. `cursor` is put in place of `DEEP`. */
const lists = [
  { name: 'first page of 50', query: 'limit=50' },
  { name: 'page of 200', query: 'limit=200' },
  { name: 'first 50 that run', query: 'limit=50&status=running' },
  { name: 'first 50 of one repository', query: 'limit=50&repository=r7' },
  { name: 'first 50 that need a person', query: 'limit=50&needsHuman=true' },
  { name: `page of 50 below ${deepPages * 200} others`, query: 'limit=50&cursor=DEEP' },
];

/** The engine's own list of missions over HTTP, with many of them in a Postgres. */
export const measureList: Measure = async ({ quick, say }) => {
  const count = quick ? 25_000 : 100_000;
  const requests = quick ? 50 : 300;
  const folder = await mkdtemp(join(tmpdir(), 'mission-bench-list-'));
  say('list: starting Postgres and an engine');
  const database = await openDatabaseServer();
  const engine = new EngineProcess({ data: folder, roots: [], env: { DATABASE_URL: database.url } });
  try {
    // What is timed is the list, not the limit on how often one may ask.
    await writeFile(join(folder, 'engine.yaml'), 'requestsPerMinute: 1000000\n');
    await engine.start();
    say(`list: writing ${count} missions`);
    await fill(database.url, count);
    const { url, token } = await readerOf(folder);
    const deep = await cursorAt({ url, token, pages: deepPages });
    const rows = [];
    for (const { name, query } of lists) {
      say(`list: ${name}, ${requests} times`);
      const address = `${url}/v1/missions?${query.replace('DEEP', encodeURIComponent(deep))}`;
      const times = await timesOf({ address, token, requests });
      const of = `list of missions over HTTP with ${count} in Postgres, ${name}`;
      rows.push(
        atMost(50, { name: `${of}, 95th percentile`, value: percentile(times, 0.95), unit: 'ms' }),
        part({ name: '  median', value: median(times), unit: 'ms' }),
      );
    }
    return rows;
  } finally {
    await engine.stop();
    await database.stop();
    await rm(folder, { recursive: true, force: true });
  }
};

async function readerOf(folder: string): Promise<{ url: string; token: string }> {
  const admin = await findApi(folder);
  const token = await admin.createToken({ name: 'reader', scopes: ['missions:read'] });
  return { url: admin.url, token };
}

async function cursorAt(of: { url: string; token: string; pages: number }): Promise<string> {
  const api = createApi(of);
  let cursor: string | undefined;
  for (let page = 0; page < of.pages; page++) {
    cursor = (await api.list({ limit: 200, cursor })).nextCursor ?? undefined;
  }
  if (cursor === undefined) throw new Error('the list is shorter than the deep page');
  return cursor;
}

/** Bare requests: what a client does with the answer is not the engine's time. */
async function timesOf(of: { address: string; token: string; requests: number }): Promise<number[]> {
  const headers = { authorization: `Bearer ${of.token}` };
  const times: number[] = [];
  const warmUp = 10;
  for (let request = -warmUp; request < of.requests; request++) {
    const asked = performance.now();
    const response = await fetch(of.address, { headers });
    const body = await response.text();
    if (!response.ok) throw new Error(`the list answered ${response.status}: ${body}`);
    if (request >= 0) times.push(performance.now() - asked);
  }
  return times;
}

/** Missions of five tasks each on 200 repositories, one a minute; one in twenty runs, one in fifty waits for a person. */
async function fill(url: string, count: number): Promise<void> {
  const { plan } = toMission({ kind: 'mission', key: 'x', repository: 0, tasks: 5, parallel: 1 });
  const view = initialMissionView(plan, 'completed');
  await ask(
    url,
    `insert into missions (tenant_id, id, title, status, repository_id, file_hash, plan, created_by, created_at, view)
     select 'default', 'm-' || n, 'Mission ' || n, status, repository, md5(n::text), $1::jsonb, 'bench',
       now() - n * interval '1 minute',
       $2::jsonb || jsonb_build_object('id', 'm-' || n, 'title', 'Mission ' || n, 'status', status)
         || jsonb_build_object('repository', $2::jsonb -> 'repository'
           || jsonb_build_object('id', repository, 'address', '/srv/' || repository || '.git'))
     from (
       select n, 'r' || n % 200 as repository,
         case when n % 20 = 0 then 'running' when n % 7 = 0 then 'cancelled' else 'completed' end as status
       from generate_series(1, $3::int) as n
     ) as drawn`,
    [JSON.stringify(plan), JSON.stringify(view), count],
  );
  const task = initialTaskView({ mission: 'x', milestone: 'm1', id: 'T-1', title: 'Task' });
  await ask(
    url,
    `insert into tasks (tenant_id, mission_id, id, host, position, status, waits_for, view)
     select 'default', 'm-' || n, 'T-1', 'local', 0,
       case when n % 20 = 0 then 'running' else 'merged' end, case when n % 50 = 0 then 'person' end, $1::jsonb
     from generate_series(1, $2::int) as n`,
    [JSON.stringify(task), count],
  );
  await ask(url, 'analyze');
}
