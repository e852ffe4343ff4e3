import { sql } from 'drizzle-orm';
import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import type { Queries } from '../../schema/db/database.ts';
import { openPglite } from '../../schema/db/pglite.ts';
import { listMissions, type MissionFilter } from '../../schema/db/missions.ts';
import { FakeWorld } from '../fakes/fake-world.ts';
import { startApi } from '../support/api.ts';
import { tellMission } from '../support/missions.ts';
import { startTestEngine } from '../support/workers.ts';

const tenant = 'default';

it('lists missions by status, repository and whether a person is needed, page by page', async () => {
  const engine = await startTestEngine(new FakeWorld());
  onTestFinished(() => engine.stop());
  const api = await startApi(engine);
  const statuses = ['running', 'running', 'completed', 'cancelled', 'running', 'completed'] as const;
  for (const [n, status] of statuses.entries()) {
    await tellMission(api.queries, { id: `l${n}`, repository: n % 2, status, needsHuman: n < 2 });
  }
  const Page = z.object({
    missions: z.array(z.object({ id: z.string() })),
    nextCursor: z.string().nullable(),
  });
  const list = async (query: string, after?: string): Promise<string[]> => {
    const cursor = after === undefined ? '' : `&cursor=${after}`;
    const { missions, nextCursor } = Page.parse(
      (await api.send(`/v1/missions?limit=2&${query}${cursor}`)).body,
    );
    const ids = missions.map(({ id }) => id);
    return nextCursor === null ? ids : [...ids, ...(await list(query, nextCursor))];
  };
  expect(await list('')).toEqual(['l5', 'l4', 'l3', 'l2', 'l1', 'l0']);
  expect(await list('status=running')).toEqual(['l4', 'l1', 'l0']);
  expect(await list('status=running&status=completed')).toEqual(['l5', 'l4', 'l2', 'l1', 'l0']);
  expect(await list('repository=r1')).toEqual(['l5', 'l3', 'l1']);
  expect(await list('repository=/srv/0.git&status=running')).toEqual(['l4', 'l0']);
  expect(await list('repository=/srv/2.git')).toEqual([]);
  expect(await list('needsHuman=true')).toEqual(['l1', 'l0']);
  expect(await list('needsHuman=true&repository=r1')).toEqual(['l1']);
  expect(await list('needsHuman=false&status=running')).toEqual(['l4']);
  for (const wrong of ['status=done', 'needsHuman=yes', 'state=running', 'cursor=x', 'repository=%00']) {
    expect(await api.send(`/v1/missions?${wrong}`)).toMatchObject({ status: 400 });
  }
});

/** The cases of the list whose page is read from many missions: from a few rows, or from all that there are. */
const filters: { name: string; filter: Omit<MissionFilter, 'tenant'> }[] = [
  { name: 'any', filter: {} },
  { name: 'a common status', filter: { status: ['completed'] } },
  { name: 'a rare status', filter: { status: ['paused'] } },
  { name: 'several statuses', filter: { status: ['completed', 'paused', 'running'] } },
  { name: 'a repository', filter: { repository: 'r3' } },
  { name: 'an address', filter: { repository: '/srv/3.git', status: ['completed', 'paused'] } },
  { name: 'an unknown repository', filter: { repository: '/srv/none.git' } },
  { name: 'who needs a person', filter: { needsHuman: true } },
  {
    name: 'who needs a person and has a status',
    filter: { needsHuman: true, status: ['running', 'paused'] },
  },
  { name: 'who needs nobody', filter: { needsHuman: false } },
];

it('reads a page from few rows, however many missions there are', async () => {
  const database = await openPglite();
  onTestFinished(() => database.close());
  const { queries } = database;
  const count = 5_000;
  await tellMission(queries, { id: 'first', repository: 0, status: 'running', needsHuman: true });
  await multiply(queries, count);
  const cursors = [undefined, { createdAt: new Date(Date.now() - (count / 2) * 60_000), id: 'x' }];
  for (const { name, filter } of filters) {
    for (const after of cursors) {
      const read = await rowsRead(queries, () =>
        listMissions(queries, { tenant, limit: 50, after, ...filter }),
      );
      expect(read, `${name}${after ? ', second half' : ''}`).toBeLessThan(count / 5);
    }
  }
});

/** Copies the first mission: one a minute, in ten repositories; one in a hundred runs or waits, most are over. */
async function multiply(queries: Queries, count: number): Promise<void> {
  const status = sql`case when n % 100 = 0 then 'running' when n % 500 = 1 then 'paused' else 'completed' end`;
  await queries.execute(sql`
    insert into missions (tenant_id, id, title, status, repository_id, file_hash, plan, created_by, view, created_at)
    select tenant_id, 'n' || n, title, ${status}, 'r' || n % 10, file_hash, plan, created_by,
      jsonb_set(view, '{repository,address}', to_jsonb('/srv/' || n % 10 || '.git')), now() - n * interval '1 minute'
    from missions, generate_series(1, ${count}::int) n where id = 'first'`);
  await queries.execute(sql`
    insert into tasks (tenant_id, mission_id, id, host, position, status, waits_for, view)
    select tenant_id, 'n' || n, id, host, position, status, case when n % 200 = 0 then 'person' end, view
    from tasks, generate_series(1, ${count}::int) n where mission_id = 'first'`);
  await queries.execute(sql`analyze`);
}

/** How many rows of missions and tasks, in tables or indexes, were read meanwhile. */
async function rowsRead(queries: Queries, read: () => Promise<unknown>): Promise<number> {
  const before = await counted(queries);
  await read();
  return (await counted(queries)) - before;
}

async function counted(queries: Queries): Promise<number> {
  await queries.execute(sql`select pg_stat_force_next_flush()`);
  await queries.execute(sql`select pg_stat_clear_snapshot()`);
  const result = await queries.execute(sql`
    select sum(t.seq_tup_read + coalesce(i.read, 0))::int as read from pg_stat_user_tables t
    left join (select relid, sum(idx_tup_read) as read from pg_stat_user_indexes group by relid) i using (relid)
    where t.relname in ('missions', 'tasks')`);
  return z.object({ rows: z.tuple([z.object({ read: z.number() })]) }).parse(result).rows[0].read;
}
