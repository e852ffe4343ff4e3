/** Builds `dist`: the programs as plain JavaScript, and what takes seconds to make at each start. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { withLock } from './toolchain.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const stamp = join(dist, 'stamp');
const sources = ['workflows', 'activities', 'workers', 'api', 'schema', 'scripts', 'test/chaos'];

const programs = {
  mission: 'scripts/cli/mission.ts',
  quickstart: 'scripts/quickstart/quickstart.ts',
  soak: 'scripts/soak/soak.ts',
  bench: 'scripts/bench/bench.ts',
  'bench-worker': 'scripts/bench/worker-process.ts',
  'bench-database': 'scripts/bench/database-process.ts',
  'record-histories': 'scripts/record-histories.ts',
  'publish-schemas': 'scripts/publish-schemas.ts',
  spawner: 'activities/processes/spawner.ts',
  'show-agent': 'activities/sessions/show-agent.ts',
  'acp-client': 'activities/sessions/acp/client.ts',
  'diff-check': 'activities/review/engines/diff-check.ts',
  'test-check': 'activities/review/engines/test-check.ts',
  // Of the tests only: it must lie beside the others to find them.
  'crashing-engine': 'test/chaos/crashing-engine.ts',
};

/** One of it starts for each session: with all that it needs in one file that takes a third less time. */
const runner = { runner: 'activities/processes/runner.ts' };

/** Only runners of agents load it. */
const showAgentApart = {
  name: 'show-agent-apart',
  setup: ({ onResolve }) => {
    onResolve({ filter: /\/show-agent\.ts$/ }, () => ({ path: './show-agent.js', external: true }));
  },
};

/** Builds unless `dist` was made from these very sources. */
export async function build(say = () => undefined) {
  await withLock(`build ${root}`, async () => {
    const hash = hashSources();
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
    say('building …');
    rmSync(stamp, { force: true });
    mkdirSync(dist, { recursive: true });
    await Promise.all([buildPrograms(), bundleWorkflows(), makeEmptyDatabase()]);
    writeFileSync(stamp, hash);
  });
}

async function buildPrograms() {
  const { build: esbuild } = await import('esbuild');
  const common = {
    absWorkingDir: root,
    outdir: dist,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    logLevel: 'warning',
  };
  await Promise.all([
    esbuild({ ...common, entryPoints: programs, packages: 'external', splitting: true }),
    esbuild({ ...common, entryPoints: runner, plugins: [showAgentApart] }),
  ]);
}

/** Bundles the workflows that a file exports, with the interceptors that every worker of ours has. */
export async function bundleWorkflows(
  of = { workflows: join(root, 'workflows/index.ts'), to: join(dist, 'workflow-bundle.js') },
) {
  const require = createRequire(import.meta.url);
  const { bundleWorkflowCode } = require('@temporalio/worker');
  const { code } = await bundleWorkflowCode({
    workflowsPath: of.workflows,
    preloadModules: [join(root, 'workflows/preloaded.ts')],
    workflowInterceptorModules: [join(root, 'workflows/tracing.ts')],
    logger: {
      ...console,
      info: () => undefined,
      debug: () => undefined,
      trace: () => undefined,
      log: () => undefined,
    },
  });
  writeFileSync(of.to, code);
}

/** What every new PGlite begins with, before our migrations. */
async function makeEmptyDatabase() {
  const { PGlite } = await import('@electric-sql/pglite');
  const client = await PGlite.create();
  const dump = await client.dumpDataDir('none');
  await client.close();
  writeFileSync(join(dist, 'empty-database.tar'), Buffer.from(await dump.arrayBuffer()));
}

function hashSources() {
  const hash = createHash('sha256');
  const files = sources.flatMap((folder) => listFiles(join(root, folder)));
  for (const file of [join(root, 'package-lock.json'), ...files]) {
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

function listFiles(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return listFiles(path);
      return /\.(?:ts|mjs|sql|json)$/.test(entry.name) && !entry.name.endsWith('.test.ts') ? [path] : [];
    });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await build((line) => process.stderr.write(`${line}\n`));
}
