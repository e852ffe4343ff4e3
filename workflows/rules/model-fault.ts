import type { AgentReport, SessionSummary } from '../../schema/contracts/session.ts';

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

/** What has kept a session from its model: nothing that its work, or its answer, could be blamed for. */
export type ModelFault =
  | { kind: 'auth'; reason: string }
  /** It was ended; a person is asked before the next launch. */
  | { kind: 'over-budget' }
  /** Its quota is `closed` until then; or it is `failing`, and left alone until then. `on` says what is waited for. */
  | { kind: 'closed' | 'failing'; until: number; on: string };

/** `sessions` are all that the task has had, this one among them: a model that fails again in one role is left alone longer. */
export function modelFault(of: {
  session: Pick<SessionSummary, 'role' | 'runtime' | 'host' | 'agent'>;
  sessions: readonly Pick<SessionSummary, 'role' | 'agent'>[];
  now: number;
}): ModelFault | undefined {
  const { session, sessions, now } = of;
  const { role, runtime, host, agent } = session;
  switch (agent?.outcome) {
    case 'auth':
      return { kind: 'auth', reason: `${runtime} is not logged in on ${host}: ${agent.message}` };
    case 'over-budget':
      return { kind: 'over-budget' };
    case 'rate-limited': {
      const until = quotaOpensAt({ report: agent, now });
      return { kind: 'closed', until, on: `the quota of ${runtime} on ${host}` };
    }
    case 'model-error': {
      const own = sessions.filter((one) => one.role === role && one.agent?.outcome === 'model-error');
      const until = now + pauseAfterModelError(own.length);
      return { kind: 'failing', until, on: `the model of ${runtime}: ${agent.message}` };
    }
    default:
      return undefined;
  }
}

/** Until when nobody asks a model that has closed its quota. */
export function quotaOpensAt(of: { report: Pick<AgentReport, 'retryAt'>; now: number }): number {
  const { report, now } = of;
  if (report.retryAt === null) return now + unknownWindowMs;
  return Math.min(Math.max(report.retryAt, now) + afterWindowMs, now + longestWindowMs);
}

/** How long to leave a model alone after it has failed `times` times. */
function pauseAfterModelError(times: number): number {
  return Math.min(firstPauseMs * 2 ** (times - 1), longestPauseMs);
}
