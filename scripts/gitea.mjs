/**
 * Finds or builds the Gitea that tests run against: one on PATH, or one built from its own Go module into the cache.
 * Needs nothing but Node and, to build, Go with a C compiler.
 *   node scripts/gitea.mjs   prints where it is
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { cacheFolder, findOnPath, withLock } from './toolchain.mjs';

const source = join(dirname(fileURLToPath(import.meta.url)), '../test/gitea-server');
const module = 'code.gitea.io/gitea';

/** Seen: 5 to 10 minutes on two cores, and the downloads before that. */
const buildTimeoutMs = 60 * 60_000;

/** So often a build says that it goes on. */
const progressMs = 15_000;

/** Two at a time: each compiler takes up to 1 GB, and the machine is often in use. */
const parallelCompilers = 2;

/** What Gitea reads beside its program; a build without its front end needs no more of it. */
const assets = ['templates', 'options', 'public'];

/**
 * The path of the program. One that was built here has its templates and the like beside it; others have them in them.
 * Throws an error of one line, with the remedy, when there is no way to get it.
 */
export async function findGitea(say = (line) => process.stderr.write(`${line}\n`)) {
  const onPath = findOnPath('gitea');
  if (onPath) {
    say(`Gitea: found on PATH: ${onPath}`);
    return onPath;
  }
  const folder = join(cacheFolder(), `gitea-${version()}-${sourceHash()}`);
  const program = join(folder, 'gitea');
  return withLock(folder, async () => {
    if (existsSync(program)) {
      say(`Gitea: in the cache: ${program}`);
      return program;
    }
    if (!findOnPath('go')) throw new Error(`no Gitea can be had: ${remedy}`);
    mkdirSync(folder, { recursive: true });
    const draft = mkdtempSync(join(folder, 'draft-'));
    try {
      await build(draft, say);
      // The program is what makes the folder complete, so it is moved last.
      for (const name of [...assets, 'gitea']) {
        rmSync(join(folder, name), { recursive: true, force: true });
        renameSync(join(draft, name), join(folder, name));
      }
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
    return program;
  });
}

const remedy = 'put a `gitea` on PATH, or Go with a C compiler to build one';

async function build(draft, say) {
  say(`Gitea: building ${version()} from its Go module: 5 to 10 minutes on two cores, once …`);
  const startedAt = Date.now();
  const seconds = () => Math.round((Date.now() - startedAt) / 1_000);
  const options = { cwd: source, encoding: 'utf8', env: goEnvironment() };
  await run(['mod', 'download'], options, () => say(`Gitea: downloading modules, ${seconds()} s …`));
  const listed = spawnSync('go', ['list', '-m', '-f', '{{.Dir}}', module], options);
  if (listed.status !== 0)
    throw new Error(`Gitea's module is not where Go has put it: ${lastLine(listed.stderr)}`);
  for (const name of assets) cpSync(join(listed.stdout.trim(), name), join(draft, name), { recursive: true });
  const flags = ['-trimpath', '-ldflags', '-s -w', '-tags', 'sqlite sqlite_unlock_notify'];
  await run(
    ['build', `-p=${parallelCompilers}`, '-buildvcs=false', ...flags, '-o', join(draft, 'gitea'), '.'],
    options,
    () => say(`Gitea: compiling, ${seconds()} s …`),
  );
  say(`Gitea: built in ${seconds()} s`);
}

/** Flags of the user's own would change what is built. */
function goEnvironment() {
  return { ...process.env, CGO_ENABLED: '1', GOFLAGS: '-mod=readonly', GOWORK: 'off' };
}

function run(args, options, tick) {
  const timer = setInterval(tick, progressMs);
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, {
      ...options,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: buildTimeoutMs,
    });
    let said = '';
    child.stderr.on('data', (part) => (said = `${said}${part}`.slice(-2_000)));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0
        ? resolve()
        : reject(new Error(`go ${args[0]} of Gitea did not work (${lastLine(said)}): ${remedy}`)),
    );
  }).finally(() => clearInterval(timer));
}

function version() {
  const [, found = 'unknown'] =
    /^require code\.gitea\.io\/gitea v(\S+)$/m.exec(readFileSync(join(source, 'go.mod'), 'utf8')) ?? [];
  return found;
}

/** Another pin, or another main, is another folder of the cache. */
function sourceHash() {
  const hash = createHash('sha256');
  for (const name of ['go.mod', 'go.sum', 'main.go']) hash.update(readFileSync(join(source, name)));
  return hash.digest('hex').slice(0, 12);
}

function lastLine(text) {
  return (
    `${text ?? ''}`
      .trim()
      .split('\n')
      .findLast((line) => line.trim() !== '') ?? ''
  ).slice(0, 200);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    process.stdout.write(`${await findGitea()}\n`);
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
