import type { Budget, Used } from '../../schema/contracts/budget.ts';
import type { SessionSummary } from '../../schema/contracts/session.ts';

const minute = 60_000;

export const nothingUsed: Used = { tokens: 0, costUsd: 0, minutes: 0, sessions: 0 };

/** A limit, and what counts towards it. */
export interface Account {
  whose: 'task' | 'mission';
  budget: Budget | undefined;
  used: Used;
}

/** What sessions of authors and reviewers have used. One that met a closed quota was no attempt. */
export function usedBySessions(sessions: readonly SessionSummary[]): Used {
  return sessions.map(usedBySession).reduce(addUsed, nothingUsed);
}

function usedBySession({ role, startedAt, endedAt, agent }: SessionSummary): Used {
  const { inputTokens = 0, outputTokens = 0, costUsd = null } = agent?.usage ?? {};
  const isAttempt = role === 'author' && agent?.outcome !== 'rate-limited';
  return {
    tokens: inputTokens + outputTokens,
    costUsd: costUsd ?? 0,
    minutes: (endedAt - startedAt) / minute,
    sessions: isAttempt ? 1 : 0,
  };
}

export function addUsed(one: Used, other: Used): Used {
  return combine(one, other, (a, b) => a + b);
}

export function lessUsed(all: Used, some: Used): Used {
  return combine(all, some, (a, b) => a - b);
}

function combine(one: Used, other: Used, by: (a: number, b: number) => number): Used {
  return {
    tokens: by(one.tokens, other.tokens),
    costUsd: by(one.costUsd, other.costUsd),
    minutes: by(one.minutes, other.minutes),
    sessions: by(one.sessions, other.sessions),
  };
}

const kinds = ['tokens', 'costUsd', 'minutes', 'sessions'] as const;
type Kind = (typeof kinds)[number];

/** What a review takes from: `sessions` counts those of authors. */
const kindsOfReviews = ['tokens', 'costUsd', 'minutes'] as const;

/** Why nothing may be launched any more, with figure and limit; undefined while something is left of everything. */
export function usedUp(
  accounts: readonly Account[],
  { next = 'author' }: { next?: 'author' | 'review' } = {},
): string | undefined {
  for (const { whose, budget, used } of accounts) {
    for (const kind of next === 'review' ? kindsOfReviews : kinds) {
      const limit = budget?.[kind];
      if (limit === undefined || used[kind] < limit) continue;
      return `the ${whose} has used ${describe(kind, used[kind])} of its budget of ${describe(kind, limit)}`;
    }
  }
  return undefined;
}

/** What is left of the tightest limit of each kind. */
export function leftOf(accounts: readonly Account[]): { [Of in Kind]?: number } {
  const limited = kinds.flatMap((kind) => {
    const left = accounts.flatMap(({ budget, used }) => {
      const limit = budget?.[kind];
      return limit === undefined ? [] : [Math.max(0, limit - used[kind])];
    });
    return left.length === 0 ? [] : [[kind, Math.min(...left)] as const];
  });
  return Object.fromEntries(limited);
}

function describe(kind: Kind, figure: number): string {
  switch (kind) {
    case 'tokens':
      return `${grouped(figure)} tokens`;
    case 'costUsd':
      return `$${figure.toFixed(2)}`;
    case 'minutes':
      return `${Math.floor(figure)} minutes`;
    case 'sessions':
      return `${figure} sessions`;
  }
}

/** Spelt out here: a workflow is told the same by every machine, whatever its languages. */
function grouped(figure: number): string {
  return String(figure).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}
