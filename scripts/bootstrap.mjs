/**
 * What the commands of package.json run first: it needs nothing installed but Node, npm and git, installs what is
 * missing, builds, and hands over.
 *   node scripts/bootstrap.mjs quickstart [flags] | soak [flags] | bench [what] [flags] | test [vitest arguments] | conformance NAME... [vitest arguments]
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gitFault, nodeFault } from '../workers/requirements.mjs';
import { agents, installAdapter, installAgent } from './agents.mjs';
import { findBuildbot } from './buildbot.mjs';
import { findGitea } from './gitea.mjs';
import { findServer, withLock } from './toolchain.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Installs and builds what is missing or out of date. */
export async function prepare(say = (line) => process.stderr.write(`${line}\n`)) {
  requireTools();
  await install(say);
  const { build } = await import('./build.mjs');
  await build(say);
}

function requireTools() {
  const git = spawnSync('git', ['--version'], { encoding: 'utf8' }).stdout ?? '';
  const fault = nodeFault(process.versions.node) ?? gitFault(git);
  if (fault !== undefined) fail(fault);
}

async function install(say) {
  const lock = readFileSync(join(root, 'package-lock.json'));
  const wanted = createHash('sha256').update(lock).digest('hex');
  const stamp = join(root, 'node_modules', '.mission-install');
  await withLock(`install ${root}`, () => {
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
    say('installing packages …');
    const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
    const result = spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2] });
    if (result.status !== 0)
      fail('npm ci did not work: look above, and see that the npm registry can be reached');
    writeFileSync(stamp, wanted);
  });
}

function start(task, args) {
  if (task === 'test') return runTests(args);
  if (task === 'conformance') return runConformance(args);
  if (task === 'bench' && args.includes('forge')) return runForgeBench(args);
  return run(['--enable-source-maps', join(root, `dist/${task}.js`), ...args]);
}

async function runTests(args) {
  const env = { ...process.env };
  if (!env.TEMPORAL_ADDRESS) env.MISSION_TEMPORAL_CLI = await findServer('cli');
  await findForTests(env, 'MISSION_TEST_SERVER', () => findServer('testServer'));
  if (!env.TEST_DATABASE_URL) await findForTests(env, 'MISSION_TEST_POSTGRES', () => findServer('postgres'));
  await findForTests(env, 'MISSION_TEST_GITEA', findGitea);
  await findForTests(env, 'MISSION_TEST_BUILDBOT', findBuildbot);
  return run([join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...args], env);
}

async function runForgeBench(args) {
  const env = { ...process.env };
  env.MISSION_TEST_GITEA ??= await findGitea();
  return run(['--enable-source-maps', join(root, 'dist/bench.js'), ...args], env);
}

/** The names of agents, `acp:NAME` for what runs one by the Agent Client Protocol, then vitest's own arguments. */
async function runConformance(args) {
  const agentOf = (arg) => arg.replace(/^acp:/, '');
  const names = args.filter((arg) => agentOf(arg) in agents);
  const options = args.filter((arg) => !(agentOf(arg) in agents));
  if (names.length === 0) fail(`which agents? ${Object.keys(agents).join(', ')}, or acp: before one`);
  for (const name of names) await (name in agents ? installAgent(name) : installAdapter(agentOf(name)));
  const env = { ...process.env, MISSION_CONFORMANCE: names.join(' ') };
  const files = new Set(names.flatMap((name) => (name in agents ? ['conformance', 'reviews'] : ['acp'])));
  const paths = [...files].map((name) => `test/conformance/${name}.test.ts`);
  return run([join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...paths, ...options], env);
}

async function findForTests(env, name, find) {
  try {
    env[name] ??= await find();
  } catch (error) {
    // The tests that need it say that they are skipped; with REQUIRE_ALL=1 there is nothing to run for.
    if (process.env.REQUIRE_ALL === '1') throw error;
  }
}

/** Hands over to another program, signals included, and ends with its exit code. */
function run(args, env = process.env) {
  const child = spawn(process.execPath, args, { cwd: process.cwd(), env, stdio: 'inherit' });
  for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => child.kill(name));
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}

function fail(message) {
  process.stderr.write(`error: ${message}\n`);
  process.exit(1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [task, ...args] = process.argv.slice(2);
  try {
    await prepare();
    process.exitCode = await start(task, args);
  } catch (error) {
    fail(error instanceof Error ? error.message : String(error));
  }
}
