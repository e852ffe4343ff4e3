import type { EventSourceMessage } from 'eventsource-parser';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Amendment } from '../../schema/contracts/amendment.ts';
import { AmendedPlan, Fault, Warnings } from '../../schema/contracts/door.ts';
import { Host } from '../../schema/contracts/host.ts';
import { InboxItem } from '../../schema/contracts/inbox.ts';
import { Told } from '../../schema/contracts/notify.ts';
import { RebuildStep } from '../../schema/contracts/rebuild.ts';
import { Sweep, Sweeps, type SweepRequest } from '../../schema/contracts/sweep.ts';
import { UsageReport } from '../../schema/contracts/usage.ts';
import { Webhook, type WebhookRequest } from '../../schema/contracts/webhook.ts';
import { Handoff } from '../../schema/contracts/handoff.ts';
import { Why } from '../../schema/contracts/why.ts';
import { cliUserAgent } from '../../schema/contracts/names.ts';
import { GoAhead, MissionEvent, MissionView, TaskView } from '../../schema/contracts/views.ts';
import { adminTokenFile, readAddress } from '../../workers/data-directory.ts';

const ProblemAnswer = z.object({
  title: z.string(),
  detail: z.string(),
  faults: z.array(Fault).optional(),
});

const Mission = MissionView.extend({ createdAt: z.string(), endedAt: z.string().nullable() });
export type Mission = z.infer<typeof Mission>;
const StartedMission = Mission.extend({ warnings: Warnings });
export type StartedMission = z.infer<typeof StartedMission>;
const MissionWithTasks = z.object({ mission: Mission, tasks: z.array(TaskView) });
export type MissionWithTasks = z.infer<typeof MissionWithTasks>;
const MissionPage = z.object({ missions: z.array(Mission), nextCursor: z.string().nullable() });

const InboxPage = z.object({ items: z.array(InboxItem), nextCursor: z.string().nullable() });

const Token = z.object({
  name: z.string(),
  scopes: z.array(z.string()),
  createdAt: z.string(),
  expiresAt: z.string().nullable(),
  revokedAt: z.string().nullable(),
  lastUsedAt: z.string().nullable(),
});
export type Token = z.infer<typeof Token>;

const AuditEntry = z.object({
  at: z.string(),
  caller: z.string().nullable(),
  operation: z.string(),
  path: z.string(),
  idempotencyKey: z.string().nullable(),
  status: z.number().nullable(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;
const AuditPage = z.object({ entries: z.array(AuditEntry), nextCursor: z.string().nullable() });

export interface Page {
  limit: number;
  cursor: string | undefined;
}

export interface MissionFilter {
  status?: readonly string[] | undefined;
  repository?: string | undefined;
  needsHuman?: boolean | undefined;
}

export interface InboxFilter {
  mission?: string | undefined;
  kind?: string | undefined;
}

/** The engine has said no: the request was wrong, or the state forbids it. */
export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Nobody answers at the engine's address. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}

/** How long an answer may take; following events has no limit. */
const answerWithinMs = 30_000;

export interface Api {
  url: string;
  create(body: string, type: 'application/json' | 'application/yaml'): Promise<StartedMission>;
  list(of: Page & MissionFilter): Promise<z.infer<typeof MissionPage>>;
  show(id: string): Promise<MissionWithTasks>;
  why(of: { id: string; task: string }): Promise<Why>;
  handoff(of: { id: string }): Promise<Handoff>;
  usage(of: UsageRequest): Promise<UsageReport>;
  goAhead(of: { id: string; task: string; headSha: string }): Promise<GoAhead>;
  inbox(of: Page & InboxFilter): Promise<z.infer<typeof InboxPage>>;
  /** Whatever an item of the inbox asks. */
  answerItem(of: { item: string; choice: string; note: string | undefined }): Promise<void>;
  answer(of: { id: string; task: string; question: string; option: string }): Promise<void>;
  resolve(of: { id: string; task: string; action: string; guidance: string | undefined }): Promise<void>;
  cancel(of: { id: string; reason: string | undefined }): Promise<void>;
  pause(of: { id: string; reason: string | undefined }): Promise<void>;
  resume(of: { id: string }): Promise<void>;
  amend(of: { id: string; amendment: Amendment }): Promise<AmendedPlan>;
  listHosts(): Promise<Host[]>;
  drainHost(of: { name: string }): Promise<void>;
  createToken(of: { name: string; scopes: string[]; expiresAt?: string | undefined }): Promise<string>;
  listTokens(): Promise<Token[]>;
  revokeToken(of: { name: string }): Promise<void>;
  audit(of: Page): Promise<z.infer<typeof AuditPage>>;
  sweep(of: SweepRequest): Promise<Sweep>;
  /** The newest first. */
  sweeps(of: { host: string | undefined }): Promise<Sweep[]>;
  addWebhook(of: WebhookRequest): Promise<Webhook>;
  testNotify(): Promise<Told[]>;
  /** One step for each mission, then the sum; ends early when the connection breaks. */
  rebuild(of: { mission: string | undefined }): AsyncGenerator<RebuildStep>;
  /**
   * Events from the one after `after` to the mission's end; ends early when the connection breaks. With `follow` false
   * it ends with what there is by now.
   */
  events(of: EventsRequest): AsyncGenerator<MissionEvent>;
}

export interface UsageRequest {
  by: string;
  mission?: string | undefined;
  since?: string | undefined;
}

interface EventsRequest {
  id: string;
  after: number;
  follow?: boolean;
  signal?: AbortSignal;
}

/** Finds the engine: by URL and token from the environment, or by what it wrote into its data directory. */
export async function findApi(
  data: string,
  more: { idempotencyKey?: string | undefined; withinMs?: number } = {},
): Promise<Api> {
  const { MISSION_URL, MISSION_TOKEN } = process.env;
  const url = MISSION_URL ?? (await readAddress(data))?.url;
  if (url === undefined) {
    throw new Unreachable(`no engine has run in ${data}: start one with \`mission up\`, or set MISSION_URL`);
  }
  // The token of this machine's engine is for that engine only, not for whatever MISSION_URL names.
  const own =
    MISSION_URL === undefined ? await readFile(join(data, adminTokenFile), 'utf8').catch(() => '') : '';
  const token = MISSION_TOKEN ?? own;
  if (token.trim() === '') throw new Unreachable(`there is no token for ${url}: set MISSION_TOKEN`);
  return createApi({ url, token: token.trim(), userAgent: cliUserAgent, ...more });
}

/** `idempotencyKey` is for whoever makes one change with it; without it each change has a random key. */
export function createApi(of: {
  url: string;
  token: string;
  userAgent?: string;
  idempotencyKey?: string | undefined;
  withinMs?: number;
}): Api {
  const { withinMs = answerWithinMs } = of;
  return {
    url: of.url,
    create: (body, type) => change(StartedMission, { path: '/v1/missions', body, type }),
    list: ({ status = [], repository, needsHuman, ...page }) => {
      const query = pageQuery(page);
      for (const one of status) query.append('status', one);
      if (repository !== undefined) query.set('repository', repository);
      if (needsHuman === true) query.set('needsHuman', 'true');
      return read(MissionPage, `/v1/missions?${query.toString()}`);
    },
    show: (id) => read(MissionWithTasks, missionPath(id)),
    why: ({ id, task }) => read(Why, `${taskPath(id, task)}/why`),
    handoff: ({ id }) => read(Handoff, `${missionPath(id)}/handoff`),
    usage: ({ by, mission, since }) => {
      const query = new URLSearchParams({ by });
      if (mission !== undefined) query.set('mission', mission);
      if (since !== undefined) query.set('since', since);
      return read(UsageReport, `/v1/usage?${query.toString()}`);
    },
    goAhead: ({ id, task, headSha }) => post(GoAhead, `${taskPath(id, task)}/merge-go-ahead`, { headSha }),
    inbox: ({ mission, kind, ...page }) => {
      const query = pageQuery(page);
      if (mission !== undefined) query.set('mission', mission);
      if (kind !== undefined) query.set('kind', kind);
      return read(InboxPage, `/v1/inbox?${query.toString()}`);
    },
    answerItem: ({ item, ...body }) => post(nothing, `/v1/inbox/${encodeURIComponent(item)}/answer`, body),
    answer: ({ id, task, ...body }) => post(nothing, `${taskPath(id, task)}/answers`, body),
    resolve: ({ id, task, ...body }) => post(nothing, `${taskPath(id, task)}/resolution`, body),
    cancel: ({ id, ...body }) => post(nothing, `${missionPath(id)}/cancel`, body),
    pause: ({ id, ...body }) => post(nothing, `${missionPath(id)}/pause`, body),
    resume: ({ id }) => post(nothing, `${missionPath(id)}/resume`, {}),
    amend: ({ id, amendment }) => post(AmendedPlan, `${missionPath(id)}/amendments`, amendment),
    listHosts: async () => (await read(z.object({ hosts: z.array(Host) }), '/v1/hosts')).hosts,
    drainHost: ({ name }) => change(nothing, { path: `/v1/hosts/${encodeURIComponent(name)}/drain` }),
    createToken: async (body) => (await post(z.object({ token: z.string() }), '/v1/tokens', body)).token,
    listTokens: async () => (await read(z.object({ tokens: z.array(Token) }), '/v1/tokens')).tokens,
    revokeToken: ({ name }) =>
      change(nothing, { method: 'DELETE', path: `/v1/tokens/${encodeURIComponent(name)}` }),
    audit: (page) => read(AuditPage, `/v1/audit?${pageQuery(page).toString()}`),
    sweep: (request) => post(Sweep, '/v1/sweeps', request),
    sweeps: async ({ host }) => {
      const query = new URLSearchParams(host === undefined ? {} : { host });
      return (await read(Sweeps, `/v1/sweeps?${query.toString()}`)).sweeps;
    },
    testNotify: async () =>
      (await change(z.object({ told: z.array(Told) }), { path: '/v1/notify/test' })).told,
    addWebhook: (request) => post(Webhook, '/v1/webhooks', request),
    rebuild,
    events,
  };

  function post<Schema extends z.ZodType>(
    schema: Schema,
    path: string,
    body: unknown,
  ): Promise<z.infer<Schema>> {
    return change(schema, { path, body: JSON.stringify(body), type: 'application/json' });
  }

  /** Nobody knows whether a request on a connection that broke was heard: under the same key it may be sent again. */
  async function change<Schema extends z.ZodType>(
    schema: Schema,
    request: { method?: string; path: string; body?: string; type?: string },
  ): Promise<z.infer<Schema>> {
    const { method = 'POST', path, body, type } = request;
    const headers = new Headers({ 'idempotency-key': of.idempotencyKey ?? randomUUID() });
    if (type !== undefined) headers.set('content-type', type);
    const init = { method, headers, ...(body === undefined ? {} : { body }) };
    return call(schema, path, init).catch((error: unknown) => {
      if (error instanceof Unreachable) return call(schema, path, init);
      throw error;
    });
  }

  function read<Schema extends z.ZodType>(schema: Schema, path: string): Promise<z.infer<Schema>> {
    return call(schema, path, {});
  }

  async function call<Schema extends z.ZodType>(
    schema: Schema,
    path: string,
    init: RequestInit,
  ): Promise<z.infer<Schema>> {
    const response = await send(path, { ...init, signal: AbortSignal.timeout(withinMs) });
    const text = await response.text().catch(unreachable);
    const parsed = schema.safeParse(text === '' ? undefined : parseJson(text));
    if (parsed.success) return parsed.data;
    throw new Error(`${of.url}${path} does not answer as an engine of this version: compare the versions`);
  }

  async function* rebuild({ mission }: { mission: string | undefined }): AsyncGenerator<RebuildStep> {
    const query = new URLSearchParams(mission === undefined ? {} : { mission });
    const response = await send(`/v1/read-model/rebuild?${query.toString()}`, { method: 'POST' });
    for await (const { data } of messagesOf(response)) yield RebuildStep.parse(JSON.parse(data));
  }

  async function* events({ id, after, follow = true, signal }: EventsRequest): AsyncGenerator<MissionEvent> {
    const response = await send(`${missionPath(id)}/events${follow ? '' : '?follow=false'}`, {
      headers: { accept: 'text/event-stream', 'last-event-id': String(after) },
      ...(signal ? { signal } : {}),
    });
    for await (const { data } of messagesOf(response)) yield MissionEvent.parse(JSON.parse(data));
  }

  async function* messagesOf(response: Response): AsyncGenerator<EventSourceMessage> {
    if (!response.body) return;
    yield* response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  }

  async function send(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${of.token}`);
    if (of.userAgent !== undefined) headers.set('user-agent', of.userAgent);
    const response = await fetch(`${of.url}${path}`, { ...init, headers }).catch(unreachable);
    if (!response.ok) throw await refusalOf(response);
    return response;
  }

  function unreachable(error: unknown): never {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
    throw new Unreachable(`no engine answers at ${of.url} (${reason}): start it with \`mission up\``);
  }
}

/** What a 202 or 204 says. */
const nothing = z.undefined();

function pageQuery({ limit, cursor }: Page): URLSearchParams {
  return new URLSearchParams({ limit: String(limit), ...(cursor === undefined ? {} : { cursor }) });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function refusalOf(response: Response): Promise<Refusal> {
  const problem = ProblemAnswer.safeParse(await response.json().catch(() => undefined));
  if (!problem.success) return new Refusal(response.status, `the engine answered ${response.status}`);
  const { title, detail, faults = [] } = problem.data;
  const lines = faults.length > 1 ? faults.map((fault) => `\n  ${fault.path}: ${fault.message}`) : [detail];
  return new Refusal(response.status, `${title}: ${lines.join('')}`);
}

function missionPath(id: string): string {
  return `/v1/missions/${encodeURIComponent(id)}`;
}

function taskPath(id: string, task: string): string {
  return `${missionPath(id)}/tasks/${encodeURIComponent(task)}`;
}
