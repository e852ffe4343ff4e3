import { lt, sql } from 'drizzle-orm';
import type { ForgeNews } from '../contracts/webhook.ts';
import type { Queries } from './database.ts';
import { webhookDeliveries } from './tables.ts';

/** The channel on which news from forges are told to all processes. */
export const forgeNewsChannel = 'forge_news';

/**
 * Tells the news of a delivery to whoever waits, in whatever process, and notes the delivery in the same statement. One
 * that was noted before tells nothing.
 */
export async function tellForgeNews(
  queries: Queries,
  of: { tenant: string; delivery: string; news: ForgeNews },
): Promise<void> {
  const { tenant, delivery, news } = of;
  await queries.execute(sql`
    with noted as (
      insert into ${webhookDeliveries} (id, tenant_id) values (${delivery}, ${tenant})
      on conflict do nothing returning id
    )
    select pg_notify(${forgeNewsChannel}, ${JSON.stringify(news)}) from noted`);
}

export async function pruneDeliveries(queries: Queries, of: { before: Date }): Promise<void> {
  await queries.delete(webhookDeliveries).where(lt(webhookDeliveries.receivedAt, of.before));
}
