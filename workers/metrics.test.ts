import { createServer } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Database } from '../schema/db/database.ts';
import { openPglite } from '../schema/db/pglite.ts';
import { effects } from '../schema/db/tables.ts';
import { createLog } from './log.ts';
import { createMetrics } from './metrics.ts';

async function openDatabase(): Promise<Database> {
  const database = await openPglite();
  onTestFinished(() => database.close());
  return database;
}

function heard() {
  const written: string[] = [];
  const log = createLog({ level: 'warn', format: 'json', to: { write: (line) => void written.push(line) } });
  return { log, written };
}

async function sdkAnswering(text: string): Promise<number> {
  const server = createServer((_, response) => response.end(text));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

describe('the metrics', () => {
  it('join what the SDK says, what the database holds and what this process does', async () => {
    const { queries } = await openDatabase();
    await queries.insert(effects).values([
      { key: 'merge:t:r1:1@a+b', tenantId: 't', state: 'done' },
      { key: 'merge:t:r1:2@a+b', tenantId: 't', state: 'claimed' },
    ]);
    const sdkPort = await sdkAnswering('temporal_something_total 7\n');
    const metrics = createMetrics({ queries, sdkPort, log: heard().log });
    metrics.sessionWatched({ activity: 'runSession', by: 1 });
    metrics.requestAnswered({ method: 'GET', route: '/v1/missions', status: 200, ms: 20 });
    const text = await metrics.text();
    expect(text).toContain('\ntemporal_something_total 7\n');
    expect(text).toContain('mission_engine_effects{kind="merge",state="done"} 1');
    expect(text).toContain('mission_engine_effects{kind="merge",state="claimed"} 1');
    expect(text).toContain('mission_engine_sessions_supervised{activity="runSession"} 1');
    expect(text).toContain('_bucket{le="0.025",method="GET",route="/v1/missions",status="200"} 1');
    expect(text).toContain('_bucket{le="0.01",method="GET",route="/v1/missions",status="200"} 0');
  });

  it('miss a part that does not answer, say so once, and have the others', async () => {
    const database = await openPglite();
    await database.close();
    const { log, written } = heard();
    const port = await sdkAnswering('temporal_something_total 7\n');
    const metrics = createMetrics({ queries: database.queries, sdkPort: port, log });
    await metrics.text();
    const text = await metrics.text();
    expect(text).toContain('mission_engine_metrics_part_up{part="database"} 0');
    expect(text).toContain('mission_engine_metrics_part_up{part="sdk"} 1');
    expect(text).toContain('temporal_something_total 7');
    expect(text).not.toMatch(/^mission_engine_missions\{/m);
    expect(written.filter((line) => line.includes('the database does not answer'))).toHaveLength(1);
  });
});
