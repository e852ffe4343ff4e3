/** Looks at a forge that share what they read, and a budget. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { CiContext } from '../../schema/contracts/ci.ts';
import type { PlannedRepository } from '../../schema/contracts/plan.ts';
import type { BranchProtection, Forge } from '../forge/forge.ts';
import type { Workspace } from '../git/workspace.ts';
import { pause } from '../supervision.ts';
import type { Pace, PollBudget } from './poll-budget.ts';

/** Shorter than the time between two looks: no look sees again what the one before it has seen. */
const sharedForMs = 25_000;

/** What one call of a driver costs its forge. Git asks for a branch in two requests at least. */
const requestsFor = {
  local: { statuses: 0, protection: 0, base: 0, running: 0, log: 0 },
  gitea: { statuses: 1, protection: 1, base: 2, running: 1, log: 3 },
  github: { statuses: 2, protection: 3, base: 2, running: 1, log: 2 },
} as const satisfies Record<
  PlannedRepository['forge'],
  Record<'statuses' | 'protection' | 'base' | 'running' | 'log', number>
>;

/** How a look is done. */
export interface Looking {
  pace: Pace;
  /** Resolves when it must not wait for its turn any more. */
  hurry: Promise<void>;
  /** Aborts when nobody waits for what it finds. */
  signal: AbortSignal;
  /** What it has read; that it does not read again. */
  read: Set<string>;
}

/** What a look is for is always read afresh; what it needs beside that may have been read by another. */
export interface LookedAt {
  sha?: string;
  branch?: string;
}

/** What looks ask of a forge again and again. */
type Asked = Pick<Forge, 'commitStatuses' | 'branchProtection' | 'runningPipelines' | 'failureLog'>;

/** Something that is read, and what it costs; without `requests` whoever reads it counts them by itself. */
interface Reading<Value> {
  repository: PlannedRepository;
  what: string;
  requests?: number;
  /** Whether it is what the look is for. */
  isAskedFor: (looking: Looking & LookedAt) => boolean;
  ask: () => Promise<Value>;
}
type Share<Value> = (of: Reading<Value>) => Promise<Value>;

export interface Looks {
  /** Within `look` all requests of shared drivers keep to its pace, and to the budget of their repository. */
  run<T>(of: Looking & LookedAt, look: () => Promise<T>): Promise<T>;
  shareForges<Driver extends Asked>(
    forges: (repository: PlannedRepository) => Driver,
  ): (repository: PlannedRepository) => Driver;
  shareWorkspace<Copy extends Pick<Workspace, 'fetchBranch'>>(workspace: Copy): Copy;
  /** A memory for one kind of reading, of all repositories. */
  createShare<Value>(): Share<Value>;
  /** Counts requests; within `look` they wait for their turn. */
  spend(of: { repository: PlannedRepository; requests: number }): Promise<void>;
}

type Memory<Value> = Map<string, { at: number; value: Value }>;

export function createLooks(deps: { budget: PollBudget; now?: () => number }): Looks {
  const { budget, now = Date.now } = deps;
  // The CI drivers in between know nothing of paces.
  const current = new AsyncLocalStorage<Looking & LookedAt>();
  const statuses = createShare<CiContext[]>();
  const protections = createShare<BranchProtection | undefined>();
  const heads = createShare<string | undefined>();
  const running = createShare<string[]>();

  return {
    createShare,
    spend,
    run: (of, look) => current.run(of, look),
    shareForges: (forges) => (repository) => shareForge(forges(repository)),
    shareWorkspace: (workspace) => ({
      ...workspace,
      fetchBranch: (of) =>
        heads({
          ...{ repository: of.repository, what: `head of ${of.branch}` },
          requests: requestsFor[of.repository.forge].base,
          // A first look, or one that was asked for, may be at what was merged just now.
          isAskedFor: ({ branch, pace }) => branch === of.branch || pace !== 'poll',
          ask: () => workspace.fetchBranch(of),
        }),
    }),
  };

  function shareForge<Driver extends Asked>(forge: Driver): Driver {
    return {
      ...forge,
      commitStatuses: (of) =>
        statuses({
          ...{ repository: of.repository, what: of.sha },
          requests: requestsFor[of.repository.forge].statuses,
          isAskedFor: ({ sha }) => sha === of.sha,
          ask: () => forge.commitStatuses(of),
        }),
      branchProtection: (of) =>
        protections({
          ...{ repository: of.repository, what: `protection of ${of.branch}` },
          requests: requestsFor[of.repository.forge].protection,
          isAskedFor: () => false,
          ask: async () => forge.branchProtection?.(of),
        }),
      runningPipelines: (of) =>
        running({
          ...{ repository: of.repository, what: `running on ${of.branch}` },
          requests: requestsFor[of.repository.forge].running,
          isAskedFor: ({ branch, pace }) => branch === of.branch || pace !== 'poll',
          ask: async () => (await forge.runningPipelines?.(of)) ?? [],
        }),
      async failureLog(of) {
        const { repository } = of;
        await spend({ repository, requests: requestsFor[repository.forge].log });
        return forge.failureLog?.(of);
      },
    };
  }

  async function spend(of: { repository: PlannedRepository; requests: number }): Promise<void> {
    const { requests } = of;
    const repositoryId = of.repository.id;
    const looking = current.getStore();
    // Whoever does not look by `run` has a reason of its own to ask.
    if (!looking) return void budget.take({ repositoryId, requests, pace: 'at-once' });
    const { pace, signal, hurry } = looking;
    const ms = budget.take({ repositoryId, requests, pace });
    if (ms > 0) await pause({ ms, signal, sooner: hurry });
  }

  function createShare<Value>(): Share<Value> {
    const memory: Memory<Value> = new Map();
    return async ({ repository, what, requests = 0, isAskedFor, ask }) => {
      const looking = current.getStore();
      const key = `${repository.id} ${what}`;
      const known = memory.get(key);
      const isNew = known !== undefined && known.at >= now() - sharedForMs;
      const isEnough = looking && (looking.read.has(key) || (isNew && !isAskedFor(looking)));
      if (known && isEnough) return known.value;
      if (requests > 0) await spend({ repository, requests });
      const at = now();
      const value = await ask();
      for (const [old, entry] of memory) if (entry.at < at - sharedForMs) memory.delete(old);
      memory.set(key, { at, value });
      looking?.read.add(key);
      return value;
    };
  }
}
