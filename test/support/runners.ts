import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runFiles, RunnerIdentity } from '../../activities/processes/spec.ts';

/** Who runs a session, as its files say: in the data directory of the engine or host that has it. */
export async function runnerOf({ data }: { data: string }, session: string): Promise<RunnerIdentity> {
  const path = join(data, 'sessions', session, runFiles.runner);
  return RunnerIdentity.parse(JSON.parse(await readFile(path, 'utf8')));
}
