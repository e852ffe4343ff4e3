import type { CiReport } from '../../schema/contracts/ci.ts';
import type { PlannedRepository } from '../../schema/contracts/plan.ts';
import type { Watch } from '../supervision.ts';

/** A commit to judge, and the commit whose pipeline file judges it: a change must not edit its own judge. */
export interface CiQuestion {
  repository: PlannedRepository;
  sha: string;
  stepsAt: string;
}

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
  /** Another capability of such a CI: ends what still runs for commits that nobody asks about any more. */
  stop?(of: { repository: PlannedRepository; shas: string[] }): Promise<void>;
}
