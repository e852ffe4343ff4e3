import {
  ActivityFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  defineSignal,
  getExternalWorkflowHandle,
  isCancellation,
  patched,
  setCurrentDetails,
  setHandler,
  TemporalFailure,
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
import type { UpdateOutcome } from './ports.ts';
import { call, forgeSide, type ForgeSide } from './proxies.ts';
import { describeFailure } from './rules/describe-failure.ts';

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

  // Nobody cancels a lane: from request to known outcome it goes on, whoever presses the button.
  await CancellationScope.nonCancellable(async () => {
    do {
      show(lane);
      await condition(() => lane.hasWaiting);
      const request = lane.takeNext();
      if (request) await serve(lane, request);
    } while (!workflowInfo().continueAsNewSuggested);
    await condition(() => allHandlersFinished() && lane.answersOnTheirWay === 0);
  });
  await continueAsNew<typeof mergeLaneWorkflow>(lane.carryOver());
}

async function serve(lane: LaneState, request: MergeRequest): Promise<void> {
  const outcome = await outcomeOf(lane, request);
  lane.answered(request.id);
  await tell(lane, request, outcome.answer);
  if (outcome.kind === 'merged') await verify(lane, request, outcome);
  lane.leave();
}

/** The answer to a request; for a merge also what its verification needs. */
type Outcome =
  { kind: 'merged'; answer: Answer; mergeSha: string; baseSha: string } | { kind: 'answer'; answer: Answer };

async function outcomeOf(lane: LaneState, request: MergeRequest): Promise<Outcome> {
  const { engine, repository } = lane.input;
  try {
    for (let headSha = request.headSha; ;) {
      const prepared = await prepareUnlessWithdrawn(lane, request, headSha);
      if (prepared.kind === 'answer') return prepared;
      lane.merge(request);
      show(lane);
      const { baseSha } = prepared;
      ({ headSha } = prepared);
      const result = await call(
        sideOf(lane, request).merges.merge,
        `merge ${describe(request)} at ${headSha}`,
        {
          tenant: engine.tenant,
          repository,
          request,
          headSha,
          baseSha,
        },
      );
      if (result.kind === 'merged') {
        const { mergeSha } = result;
        return { kind: 'merged', answer: { kind: 'merged', headSha, mergeSha }, mergeSha, baseSha };
      }
      if (result.kind === 'head-moved') return { kind: 'answer', answer: result };
      if (result.kind === 'closed') {
        return { kind: 'answer', answer: { kind: 'failed', reason: 'the pull request was closed' } };
      }
      // Somebody else has pushed to the base: test on that, and try again.
    }
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    const { updatedHead } = lane;
    return {
      kind: 'answer',
      answer: { kind: 'failed', reason: describeFailure(error), headSha: updatedHead },
    };
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
  if (lane.isWithdrawn(request.id)) return withdrawn(lane);
  try {
    const prepared = await scope.run(() => prepare(lane, request, headSha));
    return lane.isWithdrawn(request.id) ? withdrawn(lane) : prepared;
  } catch (error) {
    if (isCancellation(error) && lane.isWithdrawn(request.id)) return withdrawn(lane);
    throw error;
  }
}

function withdrawn({ updatedHead }: LaneState): Prepared {
  return { kind: 'answer', answer: { kind: 'withdrawn', headSha: updatedHead } };
}

/** Waits for a quiet, green base, brings the branch up to it, and tests what has come of that. */
async function prepare(lane: LaneState, request: MergeRequest, headSha: string): Promise<Prepared> {
  const { engine, repository } = lane.input;
  const { tenant } = engine;
  const { requireCi } = request;
  const place = { tenant, repository };
  const { ci } = sideOf(lane, request);
  const { base } = repository;
  await call(ci.guardQueue, `${base} quiet and green`, {
    place,
    mustBeGreen: true,
    requireCi,
  });
  const update = await updateBranch(lane, request, headSha);
  if (update.kind === 'conflict') {
    return { kind: 'answer', answer: { ...update, headSha: lane.updatedHead } };
  }
  if (update.kind === 'head-moved') return { kind: 'answer', answer: update };
  if (update.updated) {
    lane.updatedHead = update.headSha;
    const report = await call(ci.awaitCi, `CI of ${describe(request)}, updated`, {
      place,
      sha: update.headSha,
      stepsAt: update.baseSha,
    });
    if (!ciAllowsMerge(report.verdict, { requireCi })) {
      return { kind: 'answer', answer: { kind: 'ci-failed', headSha: update.headSha, report } };
    }
  }
  return { kind: 'prepared', headSha: update.headSha, baseSha: update.baseSha };
}

/** A withdrawal lets it end: where the branch is then, the task has to know. */
async function updateBranch(lane: LaneState, request: MergeRequest, headSha: string): Promise<UpdateOutcome> {
  const { engine, repository } = lane.input;
  const summary = `bring ${describe(request)} up to ${repository.base}`;
  const input = { tenant: engine.tenant, repository, request, headSha };
  const update = (): Promise<UpdateOutcome> =>
    call(sideOf(lane, request).merges.updateBranch, summary, input);
  return isSince02() ? CancellationScope.nonCancellable(update) : update();
}

/** Lets the next in only when the base is green at the merge; red, the lane stands until somebody has mended it. */
async function verify(
  lane: LaneState,
  request: MergeRequest,
  merged: { mergeSha: string; baseSha: string },
): Promise<void> {
  const { engine, repository } = lane.input;
  const { requireCi } = request;
  const { mergeSha, baseSha: stepsAt } = merged;
  const place = { tenant: engine.tenant, repository };
  const { ci } = sideOf(lane, request);
  try {
    const { verdict } = await call(
      ci.awaitCi,
      `CI of ${repository.base} at the merge of ${describe(request)}`,
      {
        place,
        sha: mergeSha,
        stepsAt,
      },
    );
    const green = ciAllowsMerge(verdict, { requireCi });
    await tell(lane, request, { kind: 'verified', verdict, green });
    if (green) return;
    lane.stop(`${repository.base} is ${verdict} at ${mergeSha}`);
    show(lane);
    await call(ci.guardQueue, `${repository.base} to be mended`, {
      place,
      mustBeGreen: true,
      requireCi,
    });
    // The merge commit stays what it was; it is the base that is green again.
    await tell(lane, request, { kind: 'verified', verdict, green: true });
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    // What can't be verified is told as red; the queue guard looks at the base again before the next merge.
    await tell(lane, request, { kind: 'verified', verdict: 'none-yet', green: false });
  }
}

async function answerWithdrawal(lane: LaneState, raw: unknown): Promise<void> {
  const withdrawal = MergeWithdrawal.safeParse(raw);
  if (!withdrawal.success) return;
  const answer = lane.withdraw(withdrawal.data.id);
  if (answer) await tell(lane, answer.request, { kind: answer.kind });
}

/** Nobody in the lane waits for the arrival of an answer. */
async function tell(lane: LaneState, request: MergeRequest, answer: Answer): Promise<void> {
  const arrival = send(request, answer);
  if (!isSince02()) return arrival;
  lane.answersOnTheirWay += 1;
  void arrival.finally(() => (lane.answersOnTheirWay -= 1));
}

/** A task that was terminated can't be told; that is its end, not the lane's. */
async function send(request: MergeRequest, answer: Answer): Promise<void> {
  try {
    await getExternalWorkflowHandle(request.workflowId).signal(signals.mergeAnswer, {
      id: request.id,
      ...answer,
    });
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
  }
}

/** Where the effects of a request are done; requests of before the field was there are done on the lane's own host. */
function sideOf(lane: LaneState, { host }: MergeRequest): ForgeSide {
  return forgeSide({ engine: lane.input.engine, host });
}

function describe(request: MergeRequest): string {
  return `${request.task} (#${request.pullRequest})`;
}

/** Steps that version 0.1 has recorded are replayed as it took them. */
function isSince02(): boolean {
  return patched('lane-0.2');
}

function show(lane: LaneState): void {
  setCurrentDetails(lane.describe());
}
