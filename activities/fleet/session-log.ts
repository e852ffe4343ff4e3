/** What a mission's session has told, as a person reads it. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { readerOf } from '../sessions/runtimes/reader-of.ts';
import { sessionFiles } from '../sessions/session-runs.ts';
import { createWording } from '../sessions/wording.ts';
import { printable } from './printable.ts';

/** The end of a long output is what is asked for; a line of it may hold a whole file. */
const readBytes = 4 * 1024 * 1024;

/** The lines of a session's output: an agent's events in words, those of another program as they are. */
export async function sessionLines(of: { folder: string; runtime: string }): Promise<string[]> {
  const lines = await lastLines(join(of.folder, sessionFiles.output));
  const read = readerOf(of);
  if (!read) return lines.map(printable);
  const inWords = createWording();
  return lines.flatMap((line) => read(line)).flatMap((event) => inWords(event)?.split('\n') ?? []);
}

async function lastLines(path: string): Promise<string[]> {
  const file = await open(path, 'r').catch(() => undefined);
  // Its program has not begun.
  if (!file) return [];
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - readBytes);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(size - from), position: from });
    const lines = buffer.subarray(0, bytesRead).toString().split('\n');
    // Where reading began in the middle, so did the first line.
    return lines.slice(from === 0 ? 0 : 1).filter((line) => line.trim() !== '');
  } finally {
    await file.close();
  }
}
