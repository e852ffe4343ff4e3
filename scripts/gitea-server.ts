/** A Gitea server of our own, for tests and benchmarks. */
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { freePort } from '../workers/temporal-server.ts';

/** It starts in a second; on a loaded machine in some more. */
const startWithinMs = 60_000;
const askAgainMs = 50;

/** Gitea refuses to run as root; `nobody` is on every Linux. */
const nobody = { uid: 65_534, gid: 65_534 };

export interface GiteaAccount {
  login: string;
  token: string;
}

/** A real Gitea of its own, on a free port of this machine. */
export interface GiteaServer {
  url: string;
  admin: GiteaAccount;
  makeAccount(login: string): Promise<GiteaAccount>;
  /** A call of its API as somebody; fails on any other status than one of 200 to 299. */
  call(of: { as: GiteaAccount; method?: string; path: string; body?: unknown }): Promise<unknown>;
  stop(): Promise<void>;
}

export async function startGiteaServer(of: { program: string }): Promise<GiteaServer> {
  const root = await mkdtemp(join(tmpdir(), 'mission-gitea-'));
  const user = process.getuid?.() === 0 ? nobody : undefined;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const config = join(root, 'app.ini');
  const home = join(root, 'home');
  await mkdir(home);
  if (user) spawnSync('chown', ['-R', `${user.uid}:${user.gid}`, root]);
  // Later than that: its files may be links into the cache.
  const here = await readableFor(of.program, root);
  const runUser = user ? 'nobody' : userInfo().username;
  await writeFile(config, settings({ root, url, port, runUser, assets: here.assets }));
  if (user) spawnSync('chown', [`${user.uid}:${user.gid}`, config]);
  const options = {
    ...(user ?? {}),
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: home, GITEA_WORK_DIR: root },
  };
  const log = join(root, 'gitea.log');
  run(['migrate']);
  const admin = addAccount('admin', ['--admin']);
  const out = openSync(log, 'a');
  const server = spawn(here.program, ['--config', config, 'web'], {
    ...options,
    stdio: ['ignore', out, out],
  });
  const ended = once(server, 'exit');
  for (const until = Date.now() + startWithinMs; !(await answers()); await sleep(askAgainMs)) {
    if (server.exitCode === null && Date.now() < until) continue;
    const words = await readFile(log, 'utf8');
    await stop();
    throw new Error(`Gitea has ended, or does not answer: ${words}`);
  }
  return { url, admin, makeAccount, call, stop };

  function answers(): Promise<boolean> {
    return fetch(`${url}/api/healthz`).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  async function stop(): Promise<void> {
    server.kill('SIGTERM');
    await ended;
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  }

  function run(args: string[]): string {
    const result = spawnSync(here.program, ['--config', config, ...args], { ...options, encoding: 'utf8' });
    if (result.status !== 0) throw new Error(`gitea ${args[0] ?? ''}: ${result.stderr}${result.stdout}`);
    return result.stdout;
  }

  /** By the program itself, before there is anybody who may do so over the API. */
  function addAccount(login: string, more: string[]): GiteaAccount {
    const who = ['--username', login];
    const password = randomBytes(12).toString('hex');
    const create = [
      '--password',
      password,
      '--email',
      `${login}@gitea.invalid`,
      '--must-change-password=false',
    ];
    run(['admin', 'user', 'create', ...more, ...who, ...create]);
    const token = ['admin', 'user', 'generate-access-token', ...who, '--token-name', 't', '--scopes', 'all'];
    return { login, token: run([...token, '--raw']).trim() };
  }

  async function makeAccount(login: string): Promise<GiteaAccount> {
    const password = randomBytes(12).toString('hex');
    const body = { username: login, password, email: `${login}@gitea.invalid`, must_change_password: false };
    await call({ as: admin, method: 'POST', path: '/admin/users', body });
    // Tokens are made with the password only.
    const basic = Buffer.from(`${login}:${password}`).toString('base64');
    const made = await send(`Basic ${basic}`, {
      method: 'POST',
      path: `/users/${login}/tokens`,
      body: { name: 't', scopes: ['all'] },
    });
    return { login, token: z.object({ sha1: z.string() }).parse(made).sha1 };
  }

  function call(of: { as: GiteaAccount; method?: string; path: string; body?: unknown }): Promise<unknown> {
    return send(`token ${of.as.token}`, of);
  }

  async function send(
    authorization: string,
    of: { method?: string; path: string; body?: unknown },
  ): Promise<unknown> {
    const { method = 'GET', path } = of;
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      ...(of.body === undefined ? {} : { body: JSON.stringify(of.body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
}

/** The program as its user can run it: the cache of root is closed to others. Links where that is possible: it is large. */
async function readableFor(
  path: string,
  root: string,
): Promise<{ program: string; assets: string | undefined }> {
  const beside = dirname(path);
  const hasAssets = existsSync(join(beside, 'templates'));
  if (process.getuid?.() !== 0) return { program: path, assets: hasAssets ? beside : undefined };
  const names = ['gitea', ...(hasAssets ? ['templates', 'options', 'public'] : [])];
  const copy = join(root, 'program');
  await mkdir(copy);
  const from = names.map((name) => join(beside, name));
  const linked = spawnSync('cp', ['--recursive', '--link', ...from, copy]);
  if (linked.status !== 0) spawnSync('cp', ['--recursive', ...from, copy]);
  return { program: join(copy, 'gitea'), assets: hasAssets ? copy : undefined };
}

function settings(of: {
  root: string;
  url: string;
  port: number;
  runUser: string;
  assets: string | undefined;
}): string {
  const secret = () => randomBytes(32).toString('base64url');
  return `
RUN_MODE = prod
RUN_USER = ${of.runUser}
WORK_PATH = ${of.root}
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = ${of.port}
ROOT_URL = ${of.url}/
${of.assets === undefined ? '' : `STATIC_ROOT_PATH = ${of.assets}`}
DISABLE_SSH = true
OFFLINE_MODE = true
LFS_START_SERVER = false
[database]
DB_TYPE = sqlite3
PATH = ${join(of.root, 'gitea.db')}
SQLITE_JOURNAL_MODE = WAL
[security]
INSTALL_LOCK = true
SECRET_KEY = ${secret()}
INTERNAL_TOKEN = ${secret()}
PASSWORD_HASH_ALGO = pbkdf2$1$16
[oauth2]
JWT_SECRET = ${secret()}
[service]
DISABLE_REGISTRATION = true
[webhook]
ALLOWED_HOST_LIST = loopback
[indexer]
ISSUE_INDEXER_TYPE = db
[queue]
TYPE = channel
[cron]
ENABLED = false
[actions]
ENABLED = true
[session]
PROVIDER = memory
[log]
LEVEL = Warn
`;
}
