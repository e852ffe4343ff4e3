import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { mergedTasks } from '../../scripts/quickstart/merged-tasks.ts';
import { openDataDirectory } from '../../workers/data-directory.ts';
import { createLog } from '../../workers/log.ts';
import { startStandaloneWorker } from '../../workers/standalone-worker.ts';
import { startFleet, WorkerProcess } from '../support/fleet.ts';
import { ask } from '../../scripts/postgres-server.ts';
import { noPostgres, startPostgres, type Postgres } from '../support/postgres.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';

let server: Postgres;

/** Five processes start, on a loaded machine. */
const fleetMs = 240_000;

describe.skipIf(noPostgres)('several processes on one Postgres (skipped without a server)', () => {
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  it(
    'share missions, events and keys; each mission runs on the host it was started on',
    async () => {
      const url = await server.newDatabase();
      const fleet = await startFleet(url);
      const [a, b] = [await fleet.api('a'), await fleet.api('b')];
      const repository = await fleet.newRepository();
      const onA = await fleet.missionFile({ key: 'on-a', repository, tasks: ['A', 'B'] });
      const onB = await fleet.missionFile({ key: 'on-b', repository, tasks: ['C', 'D'] });
      const raced = await fleet.missionFile({ key: 'raced', repository, tasks: ['R'] });
      await a.create(onA.file, 'application/json');
      await b.create(onB.file, 'application/json');
      const created = await Promise.all(
        [a, b, a, b, a, b].map((api) => api.create(raced.file, 'application/json')),
      );
      expect(new Set(created.map(({ id, createdAt }) => `${id} ${createdAt}`)).size).toBe(1);

      // Each is followed through the API of the other host.
      for (const [host, key] of [
        ['b', 'on-a'],
        ['a', 'on-b'],
        ['a', 'raced'],
      ] as const) {
        const events = await fleet.follow(host, key);
        expect(events.at(-1)).toMatchObject({ type: 'mission-ended', message: 'completed' });
        expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
      }
      const merged = await mergedTasks(repository.planned.address);
      expect(merged.sort()).toEqual(['A', 'B', 'C', 'D', 'R']);
      expect(await sessionsOf(fleet.data('a'), /^on-.*author/)).toEqual([
        'on-a.A.author.1',
        'on-a.B.author.1',
      ]);
      expect(await sessionsOf(fleet.data('b'), /^on-.*author/)).toEqual([
        'on-b.C.author.1',
        'on-b.D.author.1',
      ]);
      const [racedTask] = z
        .array(z.object({ host: z.enum(['a', 'b']) }))
        .parse(await ask(url, `select host from tasks where mission_id = 'raced'`));
      expect(await sessionsOf(fleet.data(racedTask?.host ?? 'a'), /^raced.*author/)).toEqual([
        'raced.R.author.1',
      ]);
    },
    fleetMs,
  );

  it('refuse a host name that another data directory has, and leave nothing open', async () => {
    const url = await server.newDatabase();
    const [first, second] = [await temporaryFolder(), await temporaryFolder()];
    const common = {
      temporal: inject('temporalAddress'),
      namespace: 'default',
      databaseUrl: url,
      databasePool: 2,
      hostName: 'a',
      tenant: 'default',
      metricsPort: 0,
      sdkMetricsPort: undefined,
      log: createLog(),
    };
    const worker = await startStandaloneWorker({ ...common, data: first });
    const metrics = await fetch(worker.metricsUrl ?? '');
    expect(await metrics.text()).toContain('mission_engine_');
    await worker.stop();
    await expect(startStandaloneWorker({ ...common, data: second })).rejects.toThrow(
      /^the host name a belongs to another data directory on .*: choose another name with --host-name$/,
    );
    // What was opened before it failed is closed: the folder may be opened, and nobody is connected.
    const data = await openDataDirectory(second);
    await data.release();
    await until(async () => (await ask(url, connected)).length === 0);
    const again = await startStandaloneWorker({ ...common, data: first });
    await again.stop();
  });

  it('may serve a host as a worker, and say that they are ready', async () => {
    const env = { DATABASE_URL: await server.newDatabase(), DATABASE_POOL: '3' };
    const args = ['--temporal', inject('temporalAddress'), '--host-name', 'c'];
    const worker = new WorkerProcess({ data: await temporaryFolder(), args, env });
    expect(JSON.parse(await worker.start())).toMatchObject({ ready: true, host: 'c' });
    const hosts = await ask(env.DATABASE_URL, 'select name from hosts');
    expect(hosts).toEqual([{ name: 'c' }]);
    const began = Date.now();
    await worker.stop('SIGTERM');
    expect(Date.now() - began).toBeLessThan(15_000);
    expect(await ask(env.DATABASE_URL, connected)).toEqual([]);
  });
});

const connected = `select pid from pg_stat_activity where application_name like 'mission %'
  and datname = current_database()`;

async function sessionsOf(data: string, named: RegExp): Promise<string[]> {
  const sessions = await readdir(join(data, 'sessions')).catch(() => []);
  return sessions.filter((session) => named.test(session)).sort();
}
