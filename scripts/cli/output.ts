import { Option } from 'commander';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Refusal, Unreachable } from './api-client.ts';

/** The exit codes of `mission`; stable, and part of its help. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  refused: 4,
  incomplete: 5,
} as const;

export const exitCodeHelp = `
Exit codes: 0 done · 1 failed · 2 wrong usage · 3 no engine answers · 4 the engine refused · 5 the mission did not complete`;

/** Ends a command with one line on standard error and the code of its kind. */
export function failWith(error: unknown): void {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode =
    error instanceof Unreachable
      ? exitCodes.unreachable
      : error instanceof Refusal
        ? exitCodes.refused
        : exitCodes.failed;
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The value as JSON when asked for, otherwise its lines. */
export function show(value: unknown, lines: () => string[], json: boolean | undefined): void {
  if (json) print(JSON.stringify(value));
  else for (const line of lines()) print(line);
}

/** Where an engine keeps its state, unless told otherwise. */
export function dataOption(): Option {
  const state = process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share');
  const standard = process.env['MISSION_DATA'] ?? join(state, 'mission-engine');
  return new Option('--data <dir>', 'the engine’s data directory').default(standard);
}
