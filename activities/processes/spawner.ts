/** Starts programs for a process that is too large to do so cheaply: see `spawning.ts`. It ends with that process. */
import { runProgram } from './programs.ts';
import { SpawnerRequest, type SpawnerAnswer } from './spawning.ts';

process.on('message', (raw) => void answer(SpawnerRequest.parse(raw)));
process.on('disconnect', () => process.exit());

async function answer({ id, run }: SpawnerRequest): Promise<void> {
  const answered: SpawnerAnswer = { id, end: await runProgram(run) };
  process.send?.(answered);
}
