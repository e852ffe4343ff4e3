import type { AgentReport } from '../../schema/contracts/session.ts';

const minute = 60_000;

/** Where a window's end was not told: often enough to lose little, seldom enough not to keep the window shut. */
const unknownWindowMs = 10 * minute;

/** The longest window there is, of seven days, with a day to spare: more is a misread time. */
const longestWindowMs = 8 * 24 * 60 * minute;

/** Clocks differ: just at the end of a window it is still shut for some. */
const afterWindowMs = 5_000;

/** Doubled each time. The programs try again by themselves for a minute or so before they give up. */
const firstPauseMs = minute;
const longestPauseMs = 30 * minute;

/** Longer than most tools run, which say nothing while they do; far shorter than a session may last. */
export const defaultStallSeconds = 20 * 60;

/** Until when nobody asks a model that has closed its quota. */
export function quotaOpensAt(of: { report: Pick<AgentReport, 'retryAt'>; now: number }): number {
  const { report, now } = of;
  if (report.retryAt === null) return now + unknownWindowMs;
  return Math.min(Math.max(report.retryAt, now) + afterWindowMs, now + longestWindowMs);
}

/** How long to leave a model alone after it has failed `times` times. */
export function pauseAfterModelError(times: number): number {
  return Math.min(firstPauseMs * 2 ** (times - 1), longestPauseMs);
}
