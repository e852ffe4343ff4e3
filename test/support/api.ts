import { mkdir, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import { onTestFinished } from 'vitest';
import { createGit, engineGitConfig } from '../../activities/git/git.ts';
import { createApp } from '../../api/app.ts';
import { EventHub } from '../../api/event-hub.ts';
import type { Door } from '../../schema/contracts/door.ts';
import type { FleetDesk } from '../../schema/contracts/fleet.ts';
import type { Scope } from '../../schema/contracts/scopes.ts';
import type { Database, Queries } from '../../schema/db/database.ts';
import { openPglite } from '../../schema/db/pglite.ts';
import { createToken } from '../../schema/db/tokens.ts';
import { knownEngines, knownForges } from '../../workers/activities.ts';
import { createDoor } from '../../workers/door.ts';
import { Roster } from '../../schema/contracts/roster.ts';
import { EngineConfig } from '../../workers/engine-config.ts';
import { createFleetDesk } from '../../workers/fleet-desk.ts';
import { createWebhookDesk } from '../../workers/webhook-desk.ts';
import { temporaryFolder } from './temporary.ts';
import type { TestEngine } from './workers.ts';

export interface Answer {
  status: number;
  type: string;
  headers: Headers;
  body: unknown;
}

export interface Call {
  method?: string;
  body?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | undefined;
  type?: string | undefined;
  token?: string | undefined;
  key?: string | undefined;
}

/** The API with its own database and door, on the workflows of a test engine. */
export interface TestApi {
  url: string;
  queries: Queries;
  database: Database;
  admin: string;
  token(of: { name: string; scopes?: Scope[]; expiresAt?: Date }): Promise<string>;
  send(path: string, call?: Call): Promise<Answer>;
  post(path: string, body: unknown, more?: Omit<Call, 'body'>): Promise<Answer>;
  /** A mission of one command for each id, on a bare repository that is there. */
  missionFile(of?: { key?: string; tasks?: string[]; more?: object }): object;
  repository: string;
  root: string;
}

export async function startApi(
  engine: TestEngine,
  more: {
    requestsPerMinute?: number;
    door?: (real: Door) => Door;
    fleet?: (real: FleetDesk) => FleetDesk;
  } = {},
): Promise<TestApi> {
  const root = await temporaryFolder();
  const git = createGit({ configFile: join(root, 'gitconfig') });
  await writeFile(join(root, 'gitconfig'), engineGitConfig());
  const repository = join(root, 'greeter.git');
  await mkdir(repository);
  await git.run({ cwd: repository, args: ['init', '--quiet', '--bare', '--initial-branch', 'main'] });
  const tree = await git.run({ cwd: repository, args: ['write-tree'] });
  const commit = await git.run({ cwd: repository, args: ['commit-tree', tree.stdout.trim(), '-m', 'first'] });
  await git.run({ cwd: repository, args: ['update-ref', 'refs/heads/main', commit.stdout.trim()] });

  const { door = (real: Door) => real, fleet = (real: FleetDesk) => real, ...limits } = more;
  const config = EngineConfig.parse({ roots: [root], commands: { work: ['true'] }, ...limits });
  const database = await openPglite();
  const { queries } = database;
  const events = new EventHub();
  await events.start(database);
  const { credentials, remote: remoteForges } = knownForges({ forgeTokens: join(root, 'forges.yaml') });
  const app = createApp({
    queries,
    client: engine.client,
    engine: engine.facts,
    door: door(
      createDoor({
        git,
        config,
        engines: knownEngines(config),
        agents: { known: [], version: () => Promise.resolve(undefined) },
        roster: Roster.parse({ version: 1 }),
        host: engine.facts.host,
        warn: () => undefined,
        hosts: () => Promise.resolve([]),
        remoteForges,
      }),
    ),
    events,
    webhooks: createWebhookDesk({ credentials, remoteForges, allowPrivateAddresses: true }),
    fleet: fleet(createFleetDesk({ data: root, tenant: engine.facts.tenant })),
    notify: { test: () => Promise.resolve([]) },
    temporalUi: null,
    probe: () => Promise.resolve([]),
    telemetry: {
      metrics: { contentType: 'text/plain', text: () => Promise.resolve('') },
      metricsOpen: true,
      requestAnswered: () => undefined,
    },
    requestsPerMinute: config.requestsPerMinute,
    log: () => undefined,
  });
  const server = createAdaptorServer({ fetch: app.fetch });
  const address = await new Promise<AddressInfo>((resolve, reject) => {
    server.listen(0, '127.0.0.1', () => {
      const bound = server.address();
      if (bound !== null && typeof bound === 'object') resolve(bound);
      else reject(new Error('the server has no port'));
    });
  });
  onTestFinished(async () => {
    await new Promise((resolve) => {
      server.close(resolve);
      if ('closeAllConnections' in server) server.closeAllConnections();
    });
    await events.stop();
    await database.close();
  });
  const url = `http://127.0.0.1:${address.port}`;
  const admin = await token({ name: 'admin', scopes: ['admin'] });
  return { url, queries, database, admin, token, send, post, missionFile, repository, root };

  async function token(of: { name: string; scopes?: Scope[]; expiresAt?: Date }): Promise<string> {
    const { tenant } = engine.facts;
    const made = await createToken(queries, { tenant, scopes: ['missions:read', 'missions:write'], ...of });
    if (made === undefined) throw new Error(`there is a token ${of.name}`);
    return made;
  }

  async function send(path: string, call: Call = {}): Promise<Answer> {
    const { body, type = 'application/json', token: secret = admin, key } = call;
    const response = await fetch(`${url}${path}`, {
      method: call.method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        ...(secret === '' ? {} : { authorization: `Bearer ${secret}` }),
        ...(body === undefined || type === '' ? {} : { 'content-type': type }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      ...(body === undefined ? {} : { body }),
      ...(body instanceof ReadableStream ? { duplex: 'half' as const } : {}),
    });
    const answered = response.headers.get('content-type') ?? '';
    const text = await response.text();
    const parsed: unknown = answered.includes('json') ? JSON.parse(text) : text;
    return { status: response.status, type: answered, headers: response.headers, body: parsed };
  }

  function post(path: string, body: unknown, call: Omit<Call, 'body'> = {}): Promise<Answer> {
    return send(path, { ...call, body: JSON.stringify(body) });
  }

  function missionFile(of: { key?: string; tasks?: string[]; more?: object } = {}): object {
    const tasks = (of.tasks ?? ['A']).map((id) => ({
      id,
      title: `Task ${id}`,
      goal: 'Do it.',
      runtime: 'command',
      command: 'work',
    }));
    return {
      version: 1,
      ...(of.key === undefined ? {} : { key: of.key }),
      title: 'A mission',
      repository: { forge: 'local', path: repository },
      milestones: [{ id: 'm1', title: 'All', tasks }],
      ...of.more,
    };
  }
}
