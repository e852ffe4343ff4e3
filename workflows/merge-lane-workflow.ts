import {
  ActivityFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  defineSignal,
  getExternalWorkflowHandle,
  isCancellation,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { ciAllowsMerge } from '../schema/contracts/ci.ts';
import {
  MergeWithdrawal,
  signals,
  type LaneInput,
  type MergeAnswer,
  type MergeRequest,
} from '../schema/contracts/messages.ts';
import { LaneState } from './lane-state.ts';
import { ci, merge } from './proxies.ts';

export const mergeRequestSignal = defineSignal<[unknown]>(signals.mergeRequest);
export const mergeWithdrawalSignal = defineSignal<[unknown]>(signals.mergeWithdrawal);

/** An answer before it is addressed to a request; `Omit` alone would melt the union. */
type Answer = MergeAnswer extends infer Kind ? (Kind extends MergeAnswer ? Omit<Kind, 'id'> : never) : never;

/** A head that was tested on exactly this base, or the answer that there is none. */
type Prepared = { kind: 'prepared'; headSha: string; baseSha: string } | { kind: 'answer'; answer: Answer };

/** The one way into a base branch: pull requests are updated, tested, merged and verified one at a time, in order. */
export async function mergeLaneWorkflow(input: LaneInput): Promise<void> {
  const lane = new LaneState(input);
  setHandler(mergeRequestSignal, (raw) => lane.hearRequest(raw));
  setHandler(mergeWithdrawalSignal, (raw) => answerWithdrawal(lane, raw));

  do {
    show(lane);
    await condition(() => lane.hasWaiting);
    const request = lane.takeNext();
    if (request) await serve(lane, request);
  } while (!workflowInfo().continueAsNewSuggested);
  await condition(allHandlersFinished);
  await continueAsNew<typeof mergeLaneWorkflow>(lane.carryOver());
}

async function serve(lane: LaneState, request: MergeRequest): Promise<void> {
  const answer = await outcomeOf(lane, request);
  lane.answered(request.id);
  await tell(request, answer);
  if (answer.kind === 'merged') await verify(lane, request, answer.mergeSha);
  lane.leave();
}

async function outcomeOf(lane: LaneState, request: MergeRequest): Promise<Answer> {
  const { engine, repository } = lane.input;
  try {
    for (let headSha = request.headSha; ;) {
      const prepared = await prepareUnlessWithdrawn(lane, request, headSha);
      if (prepared.kind === 'answer') return prepared.answer;
      lane.merge(request);
      show(lane);
      const { baseSha } = prepared;
      ({ headSha } = prepared);
      const result = await merge.merge({ tenant: engine.tenant, repository, request, headSha, baseSha });
      if (result.kind === 'merged') {
        lane.mergedOnto = baseSha;
        return { kind: 'merged', headSha, mergeSha: result.mergeSha };
      }
      if (result.kind === 'head-moved') return { kind: 'head-moved', headSha: result.headSha };
      if (result.kind === 'closed') return { kind: 'failed', reason: 'the pull request was closed' };
      // Somebody else has pushed to the base: test on that, and try again.
    }
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    return { kind: 'failed', reason: error.cause?.message ?? error.message };
  }
}

async function prepareUnlessWithdrawn(
  lane: LaneState,
  request: MergeRequest,
  headSha: string,
): Promise<Prepared> {
  const scope = new CancellationScope({ cancellable: true });
  lane.prepare(request, () => scope.cancel());
  show(lane);
  try {
    return await scope.run(() => prepare(lane, request, headSha));
  } catch (error) {
    if (isCancellation(error) && lane.isWithdrawn(request.id)) {
      return { kind: 'answer', answer: { kind: 'withdrawn' } };
    }
    throw error;
  }
}

/** Waits for a quiet, green base, brings the branch up to it, and tests what has come of that. */
async function prepare(lane: LaneState, request: MergeRequest, headSha: string): Promise<Prepared> {
  const { engine, repository } = lane.input;
  const { tenant } = engine;
  const { requireCi } = request;
  const place = { tenant, repository };
  await ci.guardQueue({ place, mustBeGreen: true, requireCi });
  const update = await merge.updateBranch({ tenant, repository, request, headSha });
  if (update.kind !== 'ready') return { kind: 'answer', answer: update };
  if (update.updated) {
    const report = await ci.awaitCi({ place, sha: update.headSha, stepsAt: update.baseSha });
    if (!ciAllowsMerge(report.verdict, { requireCi })) {
      return { kind: 'answer', answer: { kind: 'ci-failed', headSha: update.headSha, report } };
    }
  }
  return { kind: 'prepared', headSha: update.headSha, baseSha: update.baseSha };
}

/** Lets the next in only when the base is green at the merge; red, the lane stands until somebody has mended it. */
async function verify(lane: LaneState, request: MergeRequest, mergeSha: string): Promise<void> {
  const { engine, repository } = lane.input;
  const { requireCi } = request;
  const place = { tenant: engine.tenant, repository };
  const { verdict } = await ci.awaitCi({ place, sha: mergeSha, stepsAt: lane.mergedOnto });
  const green = ciAllowsMerge(verdict, { requireCi });
  await tell(request, { kind: 'verified', verdict, green });
  if (green) return;
  lane.stop(`${repository.base} is ${verdict} at ${mergeSha}`);
  show(lane);
  await ci.guardQueue({ place, mustBeGreen: true, requireCi });
  await tell(request, { kind: 'verified', verdict: 'passed', green: true });
}

async function answerWithdrawal(lane: LaneState, raw: unknown): Promise<void> {
  const withdrawal = MergeWithdrawal.safeParse(raw);
  if (!withdrawal.success) return;
  const answer = lane.withdraw(withdrawal.data.id);
  if (answer) await tell(answer.request, { kind: answer.kind });
}

/** A task that was terminated can't be told; that is its end, not the lane's. */
async function tell(request: MergeRequest, answer: Answer): Promise<void> {
  try {
    await getExternalWorkflowHandle(request.workflowId).signal(signals.mergeAnswer, {
      id: request.id,
      ...answer,
    });
  } catch (error) {
    if (!(error instanceof Error) || isCancellation(error)) throw error;
  }
}

function show(lane: LaneState): void {
  setCurrentDetails(lane.describe());
}
