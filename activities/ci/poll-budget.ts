/**
 * Requests that polls may make of a forge in any one minute, for each repository, however many pull requests wait. Well
 * below what forges allow (GitHub: 5,000 an hour for all repositories of an account), and a small Gitea does not feel it.
 */
export const pollsPerMinute = 20;

/** What may come at once after a pause: two looks of a few requests. With what comes back, the minute holds. */
const burst = 5;
const perMs = (pollsPerMinute - burst) / 60_000;

/** A repository's budget at one moment. Below zero, requests that wait for their turn have taken what comes back. */
export interface Budget {
  level: number;
  at: number;
}

/**
 * `poll`: waits for its turn. `at-once`: the first look of a wait, and one that a webhook asks for. What these take is
 * missing for polls, but many of them keep polls away for little more than a minute.
 */
export type Pace = 'at-once' | 'poll';

/** Takes from a budget, and says how long whoever takes it has to wait. In order: who comes later waits longer. */
export function take(
  budget: Budget | undefined,
  of: { now: number; requests: number; pace: Pace },
): { budget: Budget; waitMs: number } {
  const { now, requests, pace } = of;
  const { level: before, at } = budget ?? { level: burst, at: now };
  const full = Math.min(burst, before + Math.max(0, now - at) * perMs);
  const taken = full - requests;
  const level = pace === 'at-once' ? Math.max(taken, Math.min(full, -pollsPerMinute)) : taken;
  return { budget: { level, at: now }, waitMs: pace === 'poll' ? untilFree(level) : 0 };
}

/** How long until what was taken has come back. */
function untilFree(level: number): number {
  return level >= 0 ? 0 : Math.ceil(-level / perMs);
}

/** The budgets of all repositories, in one process: that of the host on which they are looked at. */
export interface PollBudget {
  /** Answers how long to wait, in milliseconds. */
  take(of: { repositoryId: string; requests: number; pace: Pace }): number;
  /** How long a poll would have to wait now. */
  delayOf(repositoryId: string): number;
}

export function createPollBudget(deps: { now?: () => number } = {}): PollBudget {
  const { now = Date.now } = deps;
  const budgets = new Map<string, Budget>();
  return {
    take({ repositoryId, ...of }) {
      const { budget, waitMs } = take(budgets.get(repositoryId), { now: now(), ...of });
      budgets.set(repositoryId, budget);
      return waitMs;
    },
    delayOf(repositoryId) {
      return take(budgets.get(repositoryId), { now: now(), requests: 1, pace: 'poll' }).waitMs;
    },
  };
}
