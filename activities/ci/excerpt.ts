import { stripVTControlCharacters } from 'node:util';
import type { Scrub } from '../scrub.ts';

/** Enough to see a failure, little enough for a prompt and a workflow's history. The same as of the engine's own runs. */
const defaultBytes = 4_000;

/** Longer lines are data, minified code or a progress bar. */
const lineLength = 400;

/** What leads to a failure stands right before it. */
const linesBefore = 3;

/** How Actions and most runners begin a line of a log. */
const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z ?/;

/** How tools begin to tell what is wrong. */
const loud =
  /(?:^|[\s[(])(?:##\[error\]|not ok\b|FAIL(?:ED|URE)?\b|(?:\w+\.)*\w*(?:Error|Exception)\b|error(?:\[\w+\])?:|fatal:|panic:|Traceback\b|[✗✖✘])/;
const quiet = /\b(?:errors?|fail(?:ed|ures?|ing|s)?)\b/i;

/** `0 failed`, `no errors` and `errors: 0` are said by what is green. */
const noFailure = /\b(?:0|no|zero|without)\s+(?:errors?|fail\w*)\b|\b(?:errors?|fail\w*)\s*[:=]\s*0\b/i;

/**
 * The lines of a log that tell what has failed: those around the first failure, and the last ones. What is left out is
 * stated. Without colours, timestamps and secrets; at most `bytes` of UTF-8.
 */
export function excerpt(log: string, of: { scrub: Scrub; bytes?: number }): string {
  const { scrub, bytes = defaultBytes } = of;
  const lines = scrub(stripVTControlCharacters(log.replaceAll('\r\n', '\n')))
    .trimEnd()
    .split('\n')
    .map(clean);
  if (sizeOf(lines) <= bytes) return lines.join('\n');
  const room = bytes - 2 * gap(lines.length).length - 2;
  const from = Math.max(firstFailure(lines) - linesBefore, 0);
  const tailOnly = lastOf(lines, room);
  if (from >= lines.length - tailOnly.length)
    return [gap(lines.length - tailOnly.length), ...tailOnly].join('\n');
  const tail = lastOf(lines, room / 2);
  const head = firstOf(lines.slice(from), room - sizeOf(tail));
  const between = lines.length - tail.length - from - head.length;
  return [...(from > 0 ? [gap(from)] : []), ...head, gap(between), ...tail].join('\n');
}

/** Of a line that was written over and over, what stood there last. */
function clean(line: string): string {
  const shown = line
    .slice(line.lastIndexOf('\r', line.length - 2) + 1)
    .replace(timestamp, '')
    .trimEnd();
  const text = shown.replaceAll('\0', '');
  return text.length <= lineLength ? text : `${text.slice(0, lineLength)}…`;
}

/** Without any, the end: that is where things end. */
function firstFailure(lines: readonly string[]): number {
  for (const form of [loud, quiet]) {
    const found = lines.findIndex((line) => form.test(line) && !noFailure.test(line));
    if (found >= 0) return found;
  }
  return lines.length;
}

function firstOf(lines: readonly string[], bytes: number): string[] {
  let size = 0;
  const end = lines.findIndex((line) => (size += sizeOf([line])) > bytes);
  return lines.slice(0, end < 0 ? lines.length : end);
}

function lastOf(lines: readonly string[], bytes: number): string[] {
  return firstOf(lines.toReversed(), bytes).reverse();
}

/** With the line ends. */
function sizeOf(lines: readonly string[]): number {
  return lines.reduce((size, line) => size + Buffer.byteLength(line) + 1, 0);
}

function gap(lines: number): string {
  return `[${lines} lines are left out]`;
}
