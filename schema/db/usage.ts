import { and, eq, gte, sql, type SQL } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import { z } from 'zod';
import { AccountWindow, UsageReport, type UsageBy } from '../contracts/usage.ts';
import type { Queries } from './database.ts';
import { sessions } from './tables.ts';

export interface UsageFilter {
  tenant: string;
  mission?: string | undefined;
  /** Only sessions that ended then or later. */
  since?: Date | undefined;
}

/** Which columns tell one row from another. */
const keysOf: Record<UsageBy, readonly PgColumn[]> = {
  mission: [sessions.missionId],
  task: [sessions.missionId, sessions.taskId],
  session: [
    sessions.missionId,
    sessions.taskId,
    sessions.id,
    sessions.runtime,
    sessions.model,
    sessions.outcome,
  ],
  runtime: [sessions.runtime, sessions.model],
};

/** Sums over the sessions that have ended: the `limit` rows that used most, and the total of all. */
export async function readUsage(
  queries: Queries,
  of: UsageFilter & { by: UsageBy; limit: number },
): Promise<UsageReport> {
  const { by, limit } = of;
  const where = and(
    eq(sessions.tenantId, of.tenant),
    of.mission === undefined ? undefined : eq(sessions.missionId, of.mission),
    of.since === undefined ? undefined : gte(sessions.endedAt, momentOf(of.since)),
  );
  const keys = keysOf[by];
  const key = (column: PgColumn) => (keys.includes(column) ? sql`${column}` : sql`null`);
  // In one transaction, so that the rows add up to the total.
  const [rows, [total], windows] = await queries.transaction(
    async (tx) => [
      await tx
        .select({
          mission: key(sessions.missionId),
          task: key(sessions.taskId),
          session: key(sessions.id),
          runtime: key(sessions.runtime),
          model: key(sessions.model),
          outcome: key(sessions.outcome),
          ...sums,
          groups: sql<number>`(count(*) over ())::integer`,
        })
        .from(sessions)
        .where(where)
        .groupBy(...keys)
        .orderBy(sql`${tokens} desc`, sql`${seconds} desc`, ...keys)
        .limit(limit),
      await tx.select(sums).from(sessions).where(where),
      await newestWindows(tx, of.tenant),
    ],
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  );
  const groups = rows[0]?.groups ?? 0;
  return UsageReport.parse({ by, rows, more: groups - rows.length, total, windows });
}

const AccountWindows = z.object({ rows: z.array(AccountWindow) });

/** The longest window is of seven days: what was told longer ago is of one that is over. */
async function newestWindows(queries: Queries, tenant: string): Promise<AccountWindow[]> {
  // Until an account is known, all logins of a program are taken for one.
  const { rows } = AccountWindows.parse(
    await queries.execute(sql`
      with recent as (
        select coalesce(${sessions.account}, ${sessions.runtime}) as account, ${sessions.windows} as windows,
          ${sessions.endedAt} as ended_at
        from ${sessions}
        where ${sessions.tenantId} = ${tenant} and ${sessions.endedAt} > now() - interval '8 days'
          and ${sessions.outcome} is not null
      ), told as (
        select distinct on (account, w."window") account, w.*, ended_at from recent
          cross join jsonb_to_recordset(windows) as w("window" text, "usedPercent" float8, "resetsAt" float8)
        where windows is not null
        order by account, w."window", ended_at desc
      )
      select account, "window", "usedPercent", "resetsAt", (extract(epoch from ended_at) * 1000)::float8 as "toldAt"
      from (select distinct account from recent) as accounts
        cross join (values ('5h'), ('7d')) as known("window")
        left join told using (account, "window")
      order by account, "window"`),
  );
  return rows;
}

/** As a number: a year that a text of it would need more than four digits or a sign for is a time too. */
function momentOf(time: Date): SQL {
  return sql`to_timestamp(${time.getTime()}::float8 / 1000)`;
}

/** Sums are wider than what is summed; as floats they come as numbers, exact far beyond what anybody uses. */
function sumOf(column: PgColumn): SQL<number> {
  return sql<number>`coalesce(sum(${column}), 0)::float8`;
}

const tokens = sql`coalesce(sum(${sessions.inputTokens} + ${sessions.outputTokens}), 0)`;
const seconds = sql<number>`extract(epoch from coalesce(sum(${sessions.endedAt} - ${sessions.startedAt}), interval '0'))::float8`;

const sums = {
  sessions: sql<number>`count(*)::integer`,
  inputTokens: sumOf(sessions.inputTokens),
  cachedTokens: sumOf(sessions.cachedTokens),
  outputTokens: sumOf(sessions.outputTokens),
  costUsd: sql<number | null>`sum(${sessions.cost})`,
  unpriced: sql<number>`(count(*) filter (where ${sessions.cost} is null
    and ${sessions.inputTokens} + ${sessions.outputTokens} > 0))::integer`,
  seconds,
};
