/** What came of an author session that was verified. */
export interface Attempt {
  /** Whether the agent said that it was done. */
  done: boolean;
  /** Where the branch's head was afterwards; null without commits. */
  head: string | null;
}

/** Two may be bad luck. A loop that 'succeeds' is told sooner than the same failure is, which may differ each time. */
export const defaultNoProgress = 3;

/** How many of the newest sessions, in a row, were done by their own word and left the branch's head where it was. */
export function doneInVain(attempts: readonly Attempt[]): number {
  let inVain = 0;
  for (let last = attempts.length - 1; last >= 0; last--) {
    const attempt = attempts[last];
    const before = attempts[last - 1]?.head ?? null;
    if (attempt?.done !== true || attempt.head !== before) break;
    inVain += 1;
  }
  return inVain;
}
