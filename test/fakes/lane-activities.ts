/** The steps of a merge lane as activities of a real worker, done on models: one for each repository. */
import { Context } from '@temporalio/activity';
import { refused } from '../../activities/failures.ts';
import type { MergeRequest } from '../../schema/contracts/messages.ts';
import type { ControlActivities } from '../../workers/activities.ts';
import type { LaneModel } from './lane-model.ts';

type LaneSteps = Pick<
  ControlActivities,
  | 'isOpen'
  | 'guardQueue'
  | 'updateBranch'
  | 'openBatch'
  | 'awaitCi'
  | 'merge'
  | 'openRevert'
  | 'findRevert'
  | 'tidyForge'
>;

export function laneActivities(modelOf: (repositoryId: string) => LaneModel): LaneSteps {
  /** For which request a head was made. Models name their heads alike. */
  const madeFor = new Map<LaneModel, Map<string, MergeRequest>>();

  /** What has failed for good there is refused; who waits can be called off. */
  async function step<Result>(
    repositoryId: string,
    act: (model: LaneModel) => Promise<Result>,
  ): Promise<Result> {
    const model = modelOf(repositoryId);
    const context = Context.current();
    const beat = setInterval(() => context.heartbeat(), 1_000);
    try {
      return await Promise.race([act(model), context.cancelled]);
    } catch (error) {
      const reason = model.world().failureOf(error);
      throw reason === undefined ? error : refused(reason);
    } finally {
      clearInterval(beat);
    }
  }

  function requestFor(model: LaneModel, head?: string): MergeRequest {
    const [first] = model.pulls.flatMap(({ requests }) => requests);
    const found = madeFor.get(model)?.get(head ?? '') ?? first?.request;
    if (!found) throw new Error('nobody has asked for anything');
    return found;
  }

  function made(model: LaneModel, head: string, request: MergeRequest): void {
    madeFor.set(model, (madeFor.get(model) ?? new Map<string, MergeRequest>()).set(head, request));
  }

  return {
    isOpen: async ({ workflowId }) => {
      const [repositoryId = '', task] = workflowId.split('/');
      const found = modelOf(repositoryId).pulls.find((one) => one.task === task);
      return { open: found?.isTaskOpen === true };
    },
    guardQueue: ({ place, mustBeGreen }) =>
      step(place.repository.id, (model) => model.world().guardQueue(requestFor(model), { mustBeGreen })),
    updateBranch: ({ repository, request, headSha, covered }) =>
      step(repository.id, async (model) => {
        const update = await model.world().updateBranch(request, headSha, covered);
        if (update.kind === 'ready') made(model, update.headSha, request);
        return update;
      }),
    openBatch: ({ repository, requests, baseSha }) =>
      step(repository.id, (model) => model.world().openBatch(requests, { baseSha })),
    awaitCi: ({ place, sha, stepsAt }) =>
      step(place.repository.id, (model) =>
        model.world().awaitCi(requestFor(model, sha), { sha, stepsAt }, sha),
      ),
    merge: ({ repository, request, headSha, baseSha }) =>
      step(repository.id, (model) => model.world().merge(request, { headSha, baseSha })),
    openRevert: ({ repository, request, mergeSha, reason }) =>
      step(repository.id, async (model) => {
        const revert = await model.world().openRevert(request, { mergeSha, reason });
        if (revert.kind === 'opened') made(model, revert.headSha, request);
        return revert;
      }),
    findRevert: ({ repository, request, mergeSha }) =>
      step(repository.id, (model) => model.world().findRevert(request, { mergeSha })),
    tidyForge: ({ place, headSha, pullRequest }) =>
      step(place.repository.id, (model) =>
        model
          .world()
          .tidyBranch(requestFor(model), { branch: place.branch, headSha: headSha ?? '', pullRequest }),
      ),
  };
}
