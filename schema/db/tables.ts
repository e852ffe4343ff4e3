import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import type { QuotaWindow } from '../contracts/agent.ts';
import type { HostRuntime, HostState } from '../contracts/host.ts';
import type { Notification } from '../contracts/notify.ts';
import type { Plan } from '../contracts/plan.ts';
import type { MissionView, TaskView } from '../contracts/views.ts';
import type { Finding } from '../contracts/review.ts';
import type { AgentReport } from '../contracts/session.ts';

const tenantId = () => text('tenant_id').notNull();
const moment = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });
const createdAt = () => moment('created_at').notNull().defaultNow();

/** One row: what makes this database's ids differ from another's on the same Temporal server. */
export const installation = pgTable('installation', {
  id: text('id').primaryKey(),
  only: boolean('only').notNull().default(true).unique(),
  createdAt: createdAt(),
});

export const tokens = pgTable(
  'tokens',
  {
    hash: text('hash').primaryKey(),
    tenantId: tenantId(),
    name: text('name').notNull(),
    scopes: text('scopes').array().notNull(),
    createdAt: createdAt(),
    expiresAt: moment('expires_at'),
    /** A revoked token keeps its row, so that the names in the audit stay true. */
    revokedAt: moment('revoked_at'),
    /** To the minute. */
    lastUsedAt: moment('last_used_at'),
  },
  (table) => [
    uniqueIndex('tokens_name')
      .on(table.tenantId, table.name)
      .where(sql`revoked_at is null`),
  ],
);

/** Every call that would change something: written before it is done, completed with its answer's status. */
export const audit = pgTable(
  'audit',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    tenantId: tenantId(),
    at: moment('at').notNull().defaultNow(),
    /** The token's name; null where there was no valid token. */
    caller: text('caller'),
    /** Method and route, with the names of its parameters. */
    operation: text('operation').notNull(),
    /** The path as it was called. */
    path: text('path').notNull(),
    idempotencyKey: text('idempotency_key'),
    /** SHA-256; a body may hold what is nobody's business. */
    bodyHash: text('body_hash').notNull(),
    /** Null: the engine died in the call. */
    status: integer('status'),
  },
  (table) => [
    index('audit_newest').on(table.tenantId, table.id),
    index('audit_caller').on(table.tenantId, table.caller, table.id),
  ],
);

/** Calls under an `Idempotency-Key`, and the answers of those that were done. See `api/idempotency.ts`. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    /** Of token, method, path and key. */
    hash: text('hash').primaryKey(),
    tenantId: tenantId(),
    bodyHash: text('body_hash').notNull(),
    /** Random bytes for what the call makes: see `secretOf` in `schema/db/tokens.ts`. */
    salt: text('salt').notNull(),
    /** Null: the call is under way, or the engine died in it. */
    status: integer('status'),
    body: text('body'),
    createdAt: createdAt(),
  },
  (table) => [index('idempotency_keys_oldest').on(table.createdAt)],
);

/** Deliveries of webhooks that were taken; see `api/webhook-routes.ts`. Pruned by the sweep. */
export const webhookDeliveries = pgTable(
  'webhook_deliveries',
  {
    /** A hash of who has sent it and of its own id or, where it has none, of its body. */
    id: text('id').primaryKey(),
    tenantId: tenantId(),
    receivedAt: moment('received_at').notNull().defaultNow(),
  },
  (table) => [index('webhook_deliveries_oldest').on(table.receivedAt)],
);

/** What is still to be told to the outside: written with the event that it tells of. See `activities/notify`. */
export const notifications = pgTable(
  'notifications',
  {
    /** A hash of tenant and event: whoever is told twice can tell. */
    id: text('id').primaryKey(),
    tenantId: tenantId(),
    body: jsonb('body').$type<Notification>().notNull(),
    /** Who has not taken it yet; null: nobody has been told. */
    waiting: text('waiting').array(),
    attempts: integer('attempts').notNull().default(0),
    nextAt: moment('next_at').notNull().defaultNow(),
    createdAt: createdAt(),
  },
  (table) => [index('notifications_next').on(table.nextAt)],
);

/** Who has which host name: a host is a data directory of one machine, with its sessions, clones and mirrors. */
export const hosts = pgTable('hosts', {
  name: text('name').primaryKey(),
  tenantId: tenantId(),
  /** Random, kept in the data directory: what tells it from another of the same name. */
  identity: text('identity').notNull(),
  machine: text('machine').notNull(),
  pid: integer('pid').notNull(),
  registeredAt: moment('registered_at').notNull().defaultNow(),
  seenAt: moment('seen_at').notNull().defaultNow(),
  user: text('user').notNull().default(''),
  version: text('version').notNull().default(''),
  slots: integer('slots').notNull().default(1),
  labels: text('labels').array().notNull().default([]),
  runtimes: jsonb('runtimes').$type<HostRuntime[]>().notNull().default([]),
  /** Null: its runs have no lease; see `HostFacts`. */
  leaseSeconds: integer('lease_seconds'),
  state: text('state').$type<HostState>().notNull().default('up'),
  since: moment('since').notNull().defaultNow(),
  /** Agents at work there that the engine has not launched, by account: they use the same limits. */
  outside: jsonb('outside').$type<Record<string, number>>().notNull().default({}),
});

/** Sessions that have a host and a seat in their account, from before their launch until their end is recorded. */
export const places = pgTable(
  'places',
  {
    tenantId: tenantId(),
    sessionId: text('session_id').notNull(),
    missionId: text('mission_id').notNull(),
    taskId: text('task_id').notNull(),
    host: text('host').notNull(),
    runtime: text('runtime').notNull(),
    model: text('model'),
    account: text('account').notNull(),
    placedAt: moment('placed_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.sessionId] }),
    index('places_task').on(table.tenantId, table.missionId, table.taskId),
  ],
);

export const missions = pgTable(
  'missions',
  {
    tenantId: tenantId(),
    id: text('id').notNull(),
    title: text('title').notNull(),
    status: text('status').$type<MissionView['status']>().notNull(),
    repositoryId: text('repository_id').notNull(),
    /** SHA-256 of the canonical file: the same key with another file is a conflict. Null: nobody knows any more. */
    fileHash: text('file_hash'),
    plan: jsonb('plan').$type<Plan>().notNull(),
    /** Null: nobody knows any more. */
    createdBy: text('created_by'),
    /** In milliseconds, as the cursors of lists have it. */
    createdAt: timestamp('created_at', { withTimezone: true, mode: 'date', precision: 3 })
      .notNull()
      .defaultNow(),
    endedAt: moment('ended_at'),
    view: jsonb('view').$type<MissionView>().notNull(),
    viewSeq: integer('view_seq').notNull().default(0),
    eventSeq: integer('event_seq').notNull().default(0),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    // Ascending, as columns go by themselves; read backwards for the newest first.
    index('missions_newest').on(table.tenantId, table.createdAt, table.id),
    // `listMissions` reads each status by itself.
    index('missions_status').on(table.tenantId, table.status, table.createdAt, table.id),
    index('missions_repository').on(
      table.tenantId,
      table.repositoryId,
      table.status,
      table.createdAt,
      table.id,
    ),
    index('missions_address').on(table.tenantId, sql`(view -> 'repository' ->> 'address')`),
  ],
);

export const tasks = pgTable(
  'tasks',
  {
    tenantId: tenantId(),
    missionId: text('mission_id').notNull(),
    id: text('id').notNull(),
    host: text('host').notNull(),
    /** Its place in the plan. */
    position: integer('position').notNull(),
    status: text('status').$type<TaskView['status']>().notNull(),
    waitsFor: text('waits_for'),
    view: jsonb('view').$type<TaskView>().notNull(),
    viewSeq: integer('view_seq').notNull().default(0),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.missionId, table.id] }),
    index('tasks_person')
      .on(table.tenantId, table.missionId)
      .where(sql`waits_for = 'person'`),
  ],
);

export const sessions = pgTable(
  'sessions',
  {
    tenantId: tenantId(),
    id: text('id').notNull(),
    missionId: text('mission_id').notNull(),
    taskId: text('task_id').notNull(),
    host: text('host').notNull(),
    role: text('role').notNull(),
    runtime: text('runtime').notNull(),
    end: text('end').notNull(),
    exitCode: integer('exit_code'),
    startedAt: moment('started_at').notNull(),
    endedAt: moment('ended_at').notNull(),
    /** From here on what only sessions of agents have. */
    outcome: text('outcome').$type<AgentReport['outcome']>(),
    model: text('model'),
    inputTokens: bigint('input_tokens', { mode: 'number' }),
    cachedTokens: bigint('cached_tokens', { mode: 'number' }),
    outputTokens: bigint('output_tokens', { mode: 'number' }),
    /** In US dollars; null where the program does not tell of money. */
    cost: doublePrecision('cost'),
    /** Whose limits it used; see `HostRuntime`. */
    account: text('account'),
    /** Until when its account was found to be closed. */
    closedUntil: moment('closed_until'),
    /** Of its account, when it ended; null where its program tells of none. */
    windows: jsonb('windows').$type<QuotaWindow[]>(),
    /** Of its program, where that has told one. */
    version: text('version'),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.id] }),
    index('sessions_task').on(table.tenantId, table.missionId, table.taskId),
    index('sessions_ended').on(table.tenantId, table.endedAt),
    index('sessions_closed')
      .on(table.tenantId, table.account, table.closedUntil)
      .where(sql`closed_until is not null`),
  ],
);

export const reviews = pgTable(
  'reviews',
  {
    tenantId: tenantId(),
    missionId: text('mission_id').notNull(),
    taskId: text('task_id').notNull(),
    engine: text('engine').notNull(),
    sha: text('sha').notNull(),
    verdict: text('verdict').notNull(),
    summary: text('summary').notNull(),
    findings: jsonb('findings').$type<Finding[]>().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.missionId, table.taskId, table.engine, table.sha] }),
  ],
);

export const events = pgTable(
  'events',
  {
    tenantId: tenantId(),
    missionId: text('mission_id').notNull(),
    seq: integer('seq').notNull(),
    at: moment('at').notNull(),
    taskId: text('task_id'),
    type: text('type').notNull(),
    message: text('message').notNull(),
    /** The workflow that told it and its own count: an activity that is run again adds nothing. */
    source: text('source').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.missionId, table.seq] }),
    uniqueIndex('events_source').on(table.tenantId, table.source),
  ],
);

/** Claims of effects outside the engine. See `activities/effects.ts`. */
export const effects = pgTable('effects', {
  key: text('key').primaryKey(),
  tenantId: tenantId(),
  state: text('state').$type<'claimed' | 'done'>().notNull(),
  claimedAt: moment('claimed_at').notNull().defaultNow(),
  attempts: integer('attempts').notNull().default(1),
  doneAt: moment('done_at'),
  result: jsonb('result').$type<unknown>(),
});

export const forgeIssues = pgTable(
  'forge_issues',
  {
    tenantId: tenantId(),
    repositoryId: text('repository_id').notNull(),
    number: integer('number').notNull(),
    marker: text('marker').notNull(),
    title: text('title').notNull(),
    body: text('body').notNull(),
    state: text('state').$type<'open' | 'closed'>().notNull().default('open'),
    comment: text('comment'),
    createdAt: createdAt(),
    closedAt: moment('closed_at'),
  },
  (table) => [
    primaryKey({ columns: [table.repositoryId, table.number] }),
    uniqueIndex('forge_issues_marker').on(table.repositoryId, table.marker),
  ],
);

export const forgePullRequests = pgTable(
  'forge_pull_requests',
  {
    tenantId: tenantId(),
    repositoryId: text('repository_id').notNull(),
    number: integer('number').notNull(),
    branch: text('branch').notNull(),
    base: text('base').notNull(),
    title: text('title').notNull(),
    body: text('body').notNull(),
    state: text('state').$type<'open' | 'merged' | 'closed'>().notNull().default('open'),
    headSha: text('head_sha'),
    mergeSha: text('merge_sha'),
    createdAt: createdAt(),
    mergedAt: moment('merged_at'),
  },
  (table) => [
    primaryKey({ columns: [table.repositoryId, table.number] }),
    uniqueIndex('forge_pull_requests_open')
      .on(table.repositoryId, table.branch)
      .where(sql`state = 'open'`),
  ],
);

export const forgeReviews = pgTable(
  'forge_reviews',
  {
    tenantId: tenantId(),
    repositoryId: text('repository_id').notNull(),
    pullRequest: integer('pull_request').notNull(),
    author: text('author').notNull(),
    sha: text('sha').notNull(),
    verdict: text('verdict').notNull(),
    body: text('body').notNull(),
    /** Findings at their lines. */
    comments: jsonb('comments')
      .$type<{ key: string; file: string; line: number; body: string }[]>()
      .notNull()
      .default([]),
    createdAt: createdAt(),
  },
  (table) => [primaryKey({ columns: [table.repositoryId, table.pullRequest, table.author, table.sha] })],
);

export const forgeStatuses = pgTable(
  'forge_statuses',
  {
    tenantId: tenantId(),
    repositoryId: text('repository_id').notNull(),
    sha: text('sha').notNull(),
    context: text('context').notNull(),
    state: text('state').$type<'pending' | 'failed' | 'passed' | 'skipped'>().notNull(),
    excerpt: text('excerpt'),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.repositoryId, table.sha, table.context] })],
);

/** Issues and pull requests share their numbers, as on the forges people know. */
export const forgeNumbers = pgTable('forge_numbers', {
  repositoryId: text('repository_id').primaryKey(),
  last: bigint('last', { mode: 'number' }).notNull(),
});
