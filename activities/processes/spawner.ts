/** Starts programs for a process that is too large to do so cheaply: see `spawning.ts`. It ends with that process. */
import { ownPrograms, type ProgramRun } from './programs.ts';
import { SpawnerRequest, type SpawnerAnswer } from './spawning.ts';

process.on('message', (raw) => {
  const request = SpawnerRequest.parse(raw);
  if ('launch' in request) ownPrograms.launch(request.launch);
  else void answer(request);
});
process.on('disconnect', () => process.exit());

async function answer({ id, run }: { id: number; run: ProgramRun }): Promise<void> {
  const answered: SpawnerAnswer = { id, end: await ownPrograms.run(run) };
  process.send?.(answered);
}
