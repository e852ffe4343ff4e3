import { ciAllowsMerge } from '../schema/contracts/ci.ts';
import type { MergeRequest } from '../schema/contracts/messages.ts';
import { describe, reasonOf, tidy, type LaneWorld } from './lane-world.ts';

/** Both answer whether the merge is taken back; its task was told then. */
export interface LaneRevert {
  make(): Promise<boolean>;
  /** Looks for one that was merged all the same: its answer was lost for good, or a person has merged it. */
  find(): Promise<boolean>;
}

/**
 * Takes a merge back that has turned the base red, by a pull request of the lane's own: tested, and pinned to head and
 * base as any other. Where that fails it is looked for, and not made again.
 */
export function createLaneRevert(of: {
  world: LaneWorld;
  request: MergeRequest;
  mergeSha: string;
  /** Why the base is red. */
  reason: string;
  /** It could not be taken back, and a person has to mend the base. */
  giveUp: (why: string) => Promise<void>;
}): LaneRevert {
  const { world, request, mergeSha, reason } = of;
  return { make, find };

  async function make(): Promise<boolean> {
    const failed = await attempt().catch((error: unknown) => reasonOf(world, error));
    if (failed === undefined) return true;
    try {
      if (await find()) return true;
    } catch (error) {
      // It is looked for again when the base is green.
      reasonOf(world, error);
    }
    await of.giveUp(failed);
    return false;
  }

  /** Answers why it was not made. */
  async function attempt(): Promise<string | undefined> {
    for (;;) {
      const revert = await world.openRevert(request, { mergeSha, reason });
      if (revert.kind === 'not-possible') return revert.reason;
      const { headSha, baseSha, pullRequest } = revert;
      const what = `CI of the revert of ${describe(request)}`;
      const { verdict } = await world.awaitCi(request, { sha: headSha, stepsAt: baseSha }, what);
      if (!ciAllowsMerge(verdict, request)) {
        await tidy(world, request, revert);
        return `the revert is ${verdict} too`;
      }
      const result = await world.merge(revertOf(request, revert), { headSha, baseSha });
      // Somebody else has pushed to the base: test on that, and try again.
      if (result.kind === 'base-moved') continue;
      if (result.kind !== 'merged') return `its pull request #${pullRequest} is ${result.kind}`;
      await conclude({ ...revert, revertSha: result.mergeSha });
      return undefined;
    }
  }

  async function find(): Promise<boolean> {
    const found = await world.findRevert(request, { mergeSha });
    if (found.kind === 'not-merged') return false;
    await conclude(found);
    return true;
  }

  async function conclude(
    made: Parameters<LaneWorld['tidyBranch']>[1] & { revertSha: string },
  ): Promise<void> {
    await world.tell(request, { kind: 'reverted', revertSha: made.revertSha, reason });
    await tidy(world, request, made);
  }
}

/** The lane's own request: nobody waits for it but the lane. */
function revertOf(
  request: MergeRequest,
  { branch, headSha, pullRequest }: { branch: string; headSha: string; pullRequest: number },
): MergeRequest {
  const title = `Revert "${request.title}"`;
  return { ...request, id: `${request.id}/revert`, title, branch, headSha, pullRequest, approvals: [] };
}
