import type { CiReport } from '../../schema/contracts/ci.ts';
import type { PlannedRepository } from '../../schema/contracts/plan.ts';
import type { Forge } from '../forge/forge.ts';
import type { Watch } from '../supervision.ts';

/** A commit to judge, and the commit whose pipeline file judges it: a change must not edit its own judge. */
export interface CiQuestion {
  repository: PlannedRepository;
  sha: string;
  stepsAt: string;
  /** Contexts that the mission requires, beside those that the forge does; see `CiRules`. */
  required?: readonly string[];
}

/** Where a commit's statuses come from: the forge, and what stands beside it. */
export type StatusSource = Pick<
  Forge,
  'commitStatuses' | 'branchProtection' | 'failureLog' | 'runningPipelines'
>;
export type StatusSources = (repository: PlannedRepository) => StatusSource;

/** The driver of a repository's CI. */
export type Cis = (repository: PlannedRepository) => Ci;

/** One driver a CI system. */
export interface Ci {
  /** The verdict of this moment, at once. */
  look(of: CiQuestion): Promise<CiReport>;
  /**
   * A capability of a CI that lives with the engine: waits until the verdict is settled. Without it the engine
   * looks every 30 seconds, or when a webhook arrives.
   */
  settle?(of: CiQuestion & { watch: Watch }): Promise<CiReport>;
  /**
   * A capability of a CI that posts statuses: the pipeline files whose rules leave out a commit of which nothing was
   * said, and the commit that it was made on where it is on the base. Undefined while a status may come, which it may
   * for a while after `since`: without it, since the commit was made.
   */
  leftOut?(
    of: CiQuestion & { since: number | undefined },
  ): Promise<{ by: string[]; madeOn?: string } | undefined>;
  /** The same report of a failure, with what its logs say, and what has failed on the base too. */
  explain?(of: { repository: PlannedRepository; report: CiReport; stepsAt: string }): Promise<CiReport>;
  /** What runs, or is about to, for pushes to a branch, whether it has posted a status or not. */
  runningOn?(of: { repository: PlannedRepository; branch: string }): Promise<string[]>;
  /** A capability of a CI that lives with the engine: ends what still runs for commits that nobody asks about any more. */
  stop?(of: { repository: PlannedRepository; shas: string[] }): Promise<void>;
}
