import type { EventSourceMessage } from 'eventsource-parser';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { RebuildStep } from '../../schema/contracts/rebuild.ts';
import { GoAhead, MissionEvent, MissionView, TaskView } from '../../schema/contracts/views.ts';
import { adminTokenFile, readAddress } from '../../workers/data-directory.ts';

const ProblemAnswer = z.object({
  title: z.string(),
  detail: z.string(),
  faults: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});

const Mission = MissionView.extend({ createdAt: z.string(), endedAt: z.string().nullable() });
export type Mission = z.infer<typeof Mission>;
const MissionWithTasks = z.object({ mission: Mission, tasks: z.array(TaskView) });
export type MissionWithTasks = z.infer<typeof MissionWithTasks>;
const MissionPage = z.object({ missions: z.array(Mission), nextCursor: z.string().nullable() });

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
  create(body: string, type: 'application/json' | 'application/yaml'): Promise<Mission>;
  list(of: { limit: number; cursor: string | undefined }): Promise<z.infer<typeof MissionPage>>;
  show(id: string): Promise<MissionWithTasks>;
  goAhead(of: { id: string; task: string; headSha: string }): Promise<GoAhead>;
  resolve(of: { id: string; task: string; action: string; guidance: string | undefined }): Promise<void>;
  cancel(of: { id: string; reason: string | undefined }): Promise<void>;
  createToken(of: { name: string; scopes: string[] }): Promise<string>;
  /** One step for each mission, then the sum; ends early when the connection breaks. */
  rebuild(of: { mission: string | undefined }): AsyncGenerator<RebuildStep>;
  /** Events from the one after `after` to the mission's end; ends early when the connection breaks. */
  events(of: { id: string; after: number; signal?: AbortSignal }): AsyncGenerator<MissionEvent>;
}

/** Finds the engine: by URL and token from the environment, or by what it wrote into its data directory. */
export async function findApi(data: string): Promise<Api> {
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
  return createApi({ url, token: token.trim() });
}

export function createApi(of: { url: string; token: string }): Api {
  return {
    url: of.url,
    create: async (body, type) => Mission.parse(await call('POST', '/v1/missions', { body, type })),
    list: async ({ limit, cursor }) => {
      const query = new URLSearchParams({
        limit: String(limit),
        ...(cursor === undefined ? {} : { cursor }),
      });
      return MissionPage.parse(await call('GET', `/v1/missions?${query.toString()}`));
    },
    show: async (id) => MissionWithTasks.parse(await call('GET', `/v1/missions/${encodeURIComponent(id)}`)),
    goAhead: async ({ id, task, headSha }) =>
      GoAhead.parse(await post(`${taskPath(id, task)}/merge-go-ahead`, { headSha })),
    resolve: async ({ id, task, ...body }) => {
      await post(`${taskPath(id, task)}/resolution`, body);
    },
    cancel: async ({ id, ...body }) => {
      await post(`/v1/missions/${encodeURIComponent(id)}/cancel`, body);
    },
    createToken: async (body) => z.object({ token: z.string() }).parse(await post('/v1/tokens', body)).token,
    rebuild,
    events,
  };

  function post(path: string, body: unknown): Promise<unknown> {
    return call('POST', path, { body: JSON.stringify(body), type: 'application/json' });
  }

  async function call(method: string, path: string, more?: { body: string; type: string }): Promise<unknown> {
    const response = await send(path, {
      method,
      signal: AbortSignal.timeout(answerWithinMs),
      ...(more ? { body: more.body, headers: { 'content-type': more.type } } : {}),
    });
    const text = await response.text();
    return text === '' ? undefined : JSON.parse(text);
  }

  async function* rebuild({ mission }: { mission: string | undefined }): AsyncGenerator<RebuildStep> {
    const query = new URLSearchParams(mission === undefined ? {} : { mission });
    const response = await send(`/v1/read-model/rebuild?${query.toString()}`, { method: 'POST' });
    for await (const { data } of messagesOf(response)) yield RebuildStep.parse(JSON.parse(data));
  }

  async function* events(of: {
    id: string;
    after: number;
    signal?: AbortSignal;
  }): AsyncGenerator<MissionEvent> {
    const response = await send(`/v1/missions/${encodeURIComponent(of.id)}/events`, {
      headers: { accept: 'text/event-stream', 'last-event-id': String(of.after) },
      ...(of.signal ? { signal: of.signal } : {}),
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
    const response = await fetch(`${of.url}${path}`, { ...init, headers }).catch((error: unknown) => {
      const reason =
        error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      throw new Unreachable(`no engine answers at ${of.url} (${reason}): start it with \`mission up\``);
    });
    if (!response.ok) throw await refusalOf(response);
    return response;
  }
}

async function refusalOf(response: Response): Promise<Refusal> {
  const problem = ProblemAnswer.safeParse(await response.json().catch(() => undefined));
  if (!problem.success) return new Refusal(response.status, `the engine answered ${response.status}`);
  const { title, detail, faults = [] } = problem.data;
  const lines = faults.length > 1 ? faults.map((fault) => `\n  ${fault.path}: ${fault.message}`) : [detail];
  return new Refusal(response.status, `${title}: ${lines.join('')}`);
}

function taskPath(id: string, task: string): string {
  return `/v1/missions/${encodeURIComponent(id)}/tasks/${encodeURIComponent(task)}`;
}
