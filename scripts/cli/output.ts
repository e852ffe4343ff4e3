import { CommanderError, Option } from 'commander';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Fault } from '../../schema/contracts/door.ts';
import { Refusal, Unreachable } from './api-client.ts';

/** The exit codes of `mission`; stable, and part of its help. Their names are the codes of errors in JSON. */
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

/** What was asked can't be meant: the command line or a file is wrong. */
export class Usage extends Error {
  override readonly name = 'Usage';
}

/** Asked of the arguments themselves: an error may come before they were understood. */
export function wantsJson(): boolean {
  return process.argv.includes('--json');
}

/** Ends a command with one error on standard error, never with a stack, and the exit code of its kind. */
export function failWith(error: unknown): void {
  const code = codeOf(error);
  process.exitCode = exitCodes[code];
  // Help is what was asked for, and for usage the parser has said it already; as JSON it is ours to say.
  if (error instanceof CommanderError && (code === 'ok' || !wantsJson())) return;
  const said = error instanceof Error ? error.message : String(error);
  const message = said.replace(/^error: /, '');
  const line = wantsJson() ? JSON.stringify({ error: { message, code } }) : `error: ${message}`;
  process.stderr.write(`${line}\n`);
}

function codeOf(error: unknown): keyof typeof exitCodes {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 'ok' : 'usage';
  if (error instanceof Usage) return 'usage';
  if (error instanceof Unreachable) return 'unreachable';
  if (error instanceof Refusal) return 'refused';
  return 'failed';
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The value as JSON when asked for, otherwise its lines. */
export function show(value: unknown, lines: () => string[], json: boolean | undefined): void {
  if (json) print(JSON.stringify(value));
  else for (const line of lines()) print(line);
}

/** Beside the answer: what somebody should look at. */
export function warn(warnings: readonly Fault[]): void {
  for (const { path, message } of warnings) process.stderr.write(`warning: ${path}: ${message}\n`);
}

/** Where an engine keeps its state, unless told otherwise. */
export function dataOption(): Option {
  const state = process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share');
  const standard = process.env['MISSION_DATA'] ?? join(state, 'mission-engine');
  return new Option('--data <dir>', 'the engine’s data directory').default(standard);
}
