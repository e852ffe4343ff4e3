import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { MissionEvent } from '../../schema/contracts/views.ts';
import { openPostgres } from '../../schema/db/postgres.ts';
import { ask } from '../../scripts/postgres-server.ts';
import {
  countInDatabase,
  countInGit,
  countInHistory,
  countLaunches,
  faults,
  type Evidence,
} from '../../scripts/quickstart/proof.ts';
import { readAddress } from '../../workers/data-directory.ts';
import { startFleet, type Fleet } from '../support/fleet.ts';
import {
  noOwnPostgres,
  noPostgres,
  startOwnPostgres,
  startPostgres,
  type Postgres,
} from '../support/postgres.ts';
import type { TestRepository } from '../support/repository.ts';
import { until } from '../support/until.ts';

/** Many tasks, many starts, on a loaded machine. */
const minutesMs = 420_000;

/** What was found wrong by counting in git, scripts, histories and database; nothing if all happened once. */
async function faultsOf(
  fleet: Fleet,
  of: { url: string; host: 'a' | 'b'; key: string; repository: TestRepository; launches: string },
) {
  const { mission, tasks } = await (await fleet.api(of.host)).show(of.key);
  const evidence: Evidence = {
    mission: of.key,
    tasks,
    repository: of.repository.planned.address,
    launches: of.launches,
  };
  const address = await readAddress(fleet.data(of.host));
  if (!address) throw new Error(`the host ${of.host} is not up`);
  const database = await openPostgres({ url: of.url, name: 'proof' });
  onTestFinished(() => database.close());
  expect(tasks.map(({ status }) => status)).toEqual(tasks.map(() => 'merged'));
  return faults([
    ...(await countInGit(evidence)),
    ...(await countLaunches(evidence)),
    ...(await countInHistory({ ...evidence, address, repositoryId: mission.repository.id })),
    ...(await countInDatabase(database.queries, evidence)),
    ...tasks.map(({ id, sessions }) => ({
      what: `sessions of ${id}`,
      found: sessions.filter(({ role }) => role === 'author').length,
      expected: 1,
    })),
  ]);
}

function expectComplete(events: MissionEvent[]): void {
  expect(events.at(-1)).toMatchObject({ type: 'mission-ended', message: 'completed' });
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
}

describe.skipIf(noPostgres)('a rolling restart (skipped without a Postgres server)', () => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  it(
    'under load loses nothing and repeats nothing, nor does the death of one process',
    async () => {
      const url = await server.newDatabase();
      const fleet = await startFleet(url);
      const missions = [];
      for (const [host, other] of [
        ['a', 'b'],
        ['b', 'a'],
      ] as const) {
        const repository = await fleet.newRepository();
        const key = `on-${host}`;
        const tasks = [1, 2, 3, 4, 5, 6].map((number) => `T${number}`);
        const { file, launches } = await fleet.missionFile({ key, repository, tasks, parallel: 3 });
        await (await fleet.api(host)).create(file, 'application/json');
        const done = fleet.follow(other, key);
        // It is awaited after the restarts.
        done.catch(() => undefined);
        missions.push({ host, key, repository, launches, done });
      }

      const { hosts, workers } = fleet;
      for (const member of [hosts.a, workers[0], hosts.b, workers[1]]) {
        await member.stop('SIGTERM');
        await member.start();
      }
      await hosts.b.kill();
      await hosts.b.start();

      for (const { done, ...mission } of missions) {
        expectComplete(await done);
        expect(await faultsOf(fleet, { url, ...mission })).toEqual([]);
      }
    },
    minutesMs,
  );
});

describe.skipIf(noOwnPostgres)('a database that fails (skipped without a Postgres server of our own)', () => {
  it(
    'cut off again and again, and killed, in the midst of a mission: all is done once, events have no gap',
    async () => {
      const server = await startOwnPostgres();
      onTestFinished(() => server.stop());
      const url = await server.newDatabase();
      const fleet = await startFleet(url);
      const repository = await fleet.newRepository();
      const tasks = ['A', 'B', 'C', 'D'];
      const { file, launches } = await fleet.missionFile({ key: 'cut', repository, tasks });
      const api = await fleet.api('a');
      await api.create(file, 'application/json');
      const done = fleet.follow('b', 'cut');
      done.catch(() => undefined);

      // Whenever: each round meets other statements half way.
      for (let cuts = 0; cuts < 20; cuts++) {
        await server.cutConnections(url);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 500));
      }
      await server.kill();
      await expect(api.show('cut')).rejects.toMatchObject({ status: 503 });
      await server.start();

      expectComplete(await done);
      expect(await faultsOf(fleet, { url, host: 'a', key: 'cut', repository, launches })).toEqual([]);
      // Both engines listen for events again, and they and both workers for news from forges.
      await until(
        async () =>
          (await ask(url, `select 1 from pg_stat_activity where query like 'listen %'`)).length === 6,
      );

      server.signal('SIGSTOP');
      await expect(api.show('cut')).rejects.toMatchObject({ status: 503 });
      server.signal('SIGCONT');
      await until(async () => (await api.show('cut').catch(() => undefined)) !== undefined);
    },
    minutesMs,
  );
});
