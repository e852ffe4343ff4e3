/** What a merge lane knows of the world: its steps, without a word on how they are taken. */
import type { CiReport } from '../schema/contracts/ci.ts';
import type { MergeAnswer, MergeRequest } from '../schema/contracts/messages.ts';
import type { LaneState } from './lane-state.ts';
import type {
  BatchOutcome,
  CiActivities,
  CiInput,
  Covered,
  FoundRevert,
  MergeResult,
  RevertOutcome,
  UpdateOutcome,
} from './ports.ts';

/** An answer before it is addressed to a request; `Omit` alone would melt the union. */
export type Answer = MergeAnswer extends infer Kind
  ? Kind extends MergeAnswer
    ? Omit<Kind, 'id'>
    : never
  : never;

/** What a lane does in the world, each step for one request. A step that has failed for good throws. */
export interface LaneWorld {
  /** Whether the request's task is still there to hear of it. */
  isOpen(request: MergeRequest): Promise<boolean>;
  guardQueue(request: MergeRequest, of: { mustBeGreen: boolean }): ReturnType<CiActivities['guardQueue']>;
  updateBranch(request: MergeRequest, headSha: string, covered?: Covered): Promise<UpdateOutcome>;
  openBatch(requests: readonly MergeRequest[], of: { baseSha: string }): Promise<BatchOutcome>;
  awaitCi(request: MergeRequest, of: Pick<CiInput, 'sha' | 'stepsAt'>, what: string): Promise<CiReport>;
  merge(request: MergeRequest, of: { headSha: string; baseSha: string }): Promise<MergeResult>;
  openRevert(request: MergeRequest, of: { mergeSha: string; reason: string }): Promise<RevertOutcome>;
  findRevert(request: MergeRequest, of: { mergeSha: string }): Promise<FoundRevert>;
  /** Removes a branch of the lane's own, and closes its pull request if it was not merged. */
  tidyBranch(
    request: MergeRequest,
    of: { branch: string; headSha: string; pullRequest: number | null },
  ): Promise<void>;
  /** Ends when the answer is on its way; nobody in the lane waits for its arrival. */
  tell(request: MergeRequest, answer: Answer): Promise<void>;
  /** Begins work at once that can be called off: then it ends as `called-off`, at its next step. */
  whileWanted<Result>(work: () => Promise<Result>): {
    result: Promise<Result | 'called-off'>;
    callOff: () => void;
  };
  /** Why a step has failed; undefined for anything else that was thrown. */
  failureOf(error: unknown): string | undefined;
  show(lane: LaneState): void;
}

export function describe(request: MergeRequest): string {
  return `${request.task} (#${request.pullRequest})`;
}

/** Why a step has failed. Anything else that was thrown is a bug. */
export function reasonOf(world: Pick<LaneWorld, 'failureOf'>, error: unknown): string {
  const reason = world.failureOf(error);
  if (reason === undefined) throw error;
  return reason;
}

/** A branch that stays is in nobody's way. */
export async function tidy(world: LaneWorld, ...of: Parameters<LaneWorld['tidyBranch']>): Promise<void> {
  try {
    await world.tidyBranch(...of);
  } catch (error) {
    reasonOf(world, error);
  }
}
