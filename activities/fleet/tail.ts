/**
 * The lines that are new on a screen: those after the longest end of what was seen that what is there now begins
 * with. A program that draws its screen anew shows all of it.
 */
export function newLines(seen: readonly string[], now: readonly string[]): readonly string[] {
  for (let start = 0; start < seen.length; start++) {
    const kept = seen.slice(start);
    if (kept.length <= now.length && kept.every((line, index) => line === now[index]))
      return now.slice(kept.length);
  }
  return now;
}

/** Without the empty rest of a screen. */
export function written(lines: readonly string[]): string[] {
  const trimmed = lines.map((line) => line.trimEnd());
  return trimmed.slice(0, trimmed.findLastIndex((line) => line !== '') + 1);
}
