/** What a mission's session has told, as a person reads it. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentRuntime, type AgentEvent } from '../../schema/contracts/agent.ts';
import { sessionFiles } from '../sessions/session-activities.ts';
import { runtimes } from '../sessions/runtimes/runtimes.ts';
import { printable } from './tmux.ts';

/** The end of a long output is what is asked for; a line of it may hold a whole file. */
const readBytes = 4 * 1024 * 1024;

/** The lines of a session's output: an agent's events in words, those of another program as they are. */
export async function sessionLines(of: { folder: string; runtime: string }): Promise<string[]> {
  const lines = await lastLines(join(of.folder, sessionFiles.output));
  const runtime = AgentRuntime.safeParse(of.runtime);
  if (!runtime.success) return lines.map(printable);
  const read = runtimes[runtime.data].createReader();
  const told: string[] = [];
  for (const event of lines.flatMap((line) => read(line))) {
    for (const line of inWords(event)) {
      // Some programs tell their last word twice, as a text and as their end.
      if (event.type !== 'final' || !told.includes(line)) told.push(line);
    }
  }
  return told;
}

/** Of what was used nothing: the end alone does not tell it, and `mission usage` does. */
function inWords(event: AgentEvent): string[] {
  switch (event.type) {
    case 'started':
      return [`started${event.model === null ? '' : ` with ${event.model}`}`];
    case 'tool':
      return [printable(`> ${event.name} ${event.detail}`).replaceAll('\n', ' ').trim()];
    case 'text':
    case 'final':
      return printable(event.text).split('\n');
    case 'retry':
      return [printable(`tries again: ${event.message}`)];
    case 'error':
      return [printable(`${event.fault}: ${event.message}`)];
    case 'usage':
      return [];
  }
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
