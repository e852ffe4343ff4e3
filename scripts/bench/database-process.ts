/** A database beside a worker: see `database.ts`. */
import { DatabaseCall, openWithin, type DatabaseAnswer } from './database.ts';

const opened = openWithin(process.argv[2] ?? '.');

process.on('message', (raw) => void answer(raw));
process.on('disconnect', () => process.exit());

async function answer(raw: unknown): Promise<void> {
  const { id, ask } = DatabaseCall.parse(raw);
  const reply: DatabaseAnswer = { id, error: null };
  try {
    const database = await opened;
    if (ask.kind === 'claim') await database.claim(ask.order);
    else if (ask.kind === 'mission') await database.recordMission(ask.input);
    else await database.recordTask(ask.input);
  } catch (error) {
    reply.error = error instanceof Error ? error.message : String(error);
  }
  process.send?.(reply);
}
