import { lstat, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree, replaceFile, sizeOf } from '../files.ts';
import { runFiles, RunSpec } from '../processes/spec.ts';
import { emptiedMark } from './inventory.ts';

/** What tells later what a run was, and what became of it. */
const kept: ReadonlySet<string> = new Set([
  ...Object.values(runFiles),
  ...['prompt.md', 'outcome.json', 'pushed-before', 'untouched', emptiedMark],
]);

/** None of these is near it, unless a program has written what is not its own. */
const mostKeptBytes = 1024 ** 2;

/**
 * Replaces the output of a run that is over by a note, so that whoever looks reads why nothing is there, and removes
 * what else is large. The environment goes from its spec: it may hold what the operator gives to agents.
 */
export async function emptyRun(folder: string, now: Date): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const stat = await lstat(path);
    if (stat.isFile() && /^(?:events\.jsonl|stderr\.log|step-\d+\.log)$/.test(name)) {
      const note = `removed by the sweep of ${now.toISOString()}: ${stat.size} bytes\n`;
      await replaceFile(path, note);
    } else if (!stat.isFile() || !kept.has(name) || stat.size > mostKeptBytes) {
      await removeTree(path);
    }
  }
  const specPath = join(folder, runFiles.spec);
  const spec = await readFile(specPath, 'utf8').catch(() => undefined);
  if (spec !== undefined) await replaceFile(specPath, JSON.stringify({ ...parsed(spec), env: {} }));
  await writeFile(join(folder, emptiedMark), now.toISOString());
}

function parsed(spec: string): Partial<RunSpec> {
  try {
    return RunSpec.parse(JSON.parse(spec));
  } catch {
    return {};
  }
}

/** What emptying would free. */
export async function outputBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder).catch(() => [])) {
    if (!kept.has(name)) bytes += await sizeOf(join(folder, name));
  }
  return bytes;
}
