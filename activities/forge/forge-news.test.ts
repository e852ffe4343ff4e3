import { afterEach, describe, expect, it } from 'vitest';
import type { PlannedRepository } from '../../schema/contracts/plan.ts';
import type { ForgeNews } from '../../schema/contracts/webhook.ts';
import { webhookDeliveries } from '../../schema/db/tables.ts';
import { pruneDeliveries, tellForgeNews } from '../../schema/db/webhooks.ts';
import { databases, useDatabase } from '../../test/support/databases.ts';
import { until } from '../../test/support/until.ts';
import { ForgeNewsHub } from './forge-news.ts';

const repository: PlannedRepository = {
  id: 'r1',
  forge: 'gitea',
  address: 'http://gitea.internal:3000/below/Owner/Greeter.git',
  base: 'main',
};
const news: ForgeNews = { topic: 'owner/greeter', sha: 'a'.repeat(40) };

describe.each(databases)('news from a forge, told on %s', (kind) => {
  const database = useDatabase(kind);
  const hubs: ForgeNewsHub[] = [];
  afterEach(async () => {
    await Promise.all(hubs.splice(0).map((hub) => hub.stop()));
    await database().queries.delete(webhookDeliveries);
  });

  /** Somebody who waits, in a process of their own. */
  async function listen() {
    const hub = new ForgeNewsHub();
    await hub.start(database());
    hubs.push(hub);
    const heard: ForgeNews[] = [];
    const listening = hub.listen({ repository, concerns: (one) => heard.push(one) > 0 });
    return { heard, listening };
  }

  function tell(delivery: string, of: ForgeNews = news): Promise<void> {
    return tellForgeNews(database().queries, { tenant: 'default', delivery, news: of });
  }

  it('are heard in every process, whatever the forge calls itself', async () => {
    const [one, other] = [await listen(), await listen()];
    await tell('d1');
    await Promise.all([one.listening.heard, other.listening.heard]);
    expect([...one.heard, ...other.heard]).toEqual([news, news]);
  });

  it('are told once for each delivery, and not to those of other repositories', async () => {
    const { heard } = await listen();
    await tell('d1');
    await tell('d1');
    await tell('d2', { topic: 'owner/other' });
    await tell('d3', { topic: 'owner/greeter', branch: 'main' });
    await until(() => heard.some(({ branch }) => branch === 'main'));
    expect(heard).toEqual([news, { topic: 'owner/greeter', branch: 'main' }]);
  });

  it('are not heard by who has stopped listening', async () => {
    const [gone, there] = [await listen(), await listen()];
    gone.listening.stop();
    await tell('d1');
    await there.listening.heard;
    expect(gone.heard).toEqual([]);
  });

  it('are told again when their delivery was forgotten', async () => {
    const { heard } = await listen();
    await tell('d1');
    await pruneDeliveries(database().queries, { before: new Date(0) });
    await tell('d1');
    await pruneDeliveries(database().queries, { before: new Date(Date.now() + 60_000) });
    await tell('d1');
    await until(() => heard.length === 2);
  });
});
