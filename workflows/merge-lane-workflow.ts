import {
  ActivityFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  getExternalWorkflowHandle,
  isCancellation,
  patched,
  setCurrentDetails,
  setHandler,
  TemporalFailure,
  workflowInfo,
} from '@temporalio/workflow';
import type { LaneView } from '../schema/contracts/lane.ts';
import { queries, signals, type LaneInput, type MergeRequest } from '../schema/contracts/messages.ts';
import { describe, type Answer, type LaneWorld } from './lane-world.ts';
import { MergeLane } from './merge-lane.ts';
import { call, forgeSide, isOpen, quietWithinSeconds, type ForgeSide } from './proxies.ts';
import { describeFailure } from './rules/describe-failure.ts';

export const mergeRequestSignal = defineSignal<[unknown]>(signals.mergeRequest);
export const mergeWithdrawalSignal = defineSignal<[unknown]>(signals.mergeWithdrawal);
export const laneViewQuery = defineQuery<LaneView>(queries.view);

/** The merge lane of a base branch, as an entity: made by the first request, it lives as long as there are any. */
export async function mergeLaneWorkflow(input: LaneInput): Promise<void> {
  const answers = new Answers();
  const lane = new MergeLane({ input, world: laneWorld(input, answers) });
  setHandler(laneViewQuery, () => lane.state.view);
  setHandler(mergeRequestSignal, (raw) => lane.hearRequest(raw));
  setHandler(mergeWithdrawalSignal, (raw) => lane.hearWithdrawal(raw));

  // Nobody cancels a lane: from request to known outcome it goes on, whoever presses the button.
  await CancellationScope.nonCancellable(async () => {
    do {
      setCurrentDetails(lane.state.describe());
      await condition(() => lane.state.hasWaiting);
      await lane.serveNext();
    } while (!workflowInfo().continueAsNewSuggested);
    await condition(() => allHandlersFinished() && answers.onTheirWay === 0);
  });
  await continueAsNew<typeof mergeLaneWorkflow>(lane.state.carryOver());
}

/** A lane's steps as Temporal takes them. */
function laneWorld(input: LaneInput, answers: Answers): LaneWorld {
  const { engine, repository } = input;
  const { tenant } = engine;
  const { base } = repository;
  const place = { tenant, repository };
  return {
    async isOpen(request) {
      if (!isSince04()) return true;
      const { workflowId } = request;
      return (await call(isOpen, `whether ${describe(request)} still waits`, { workflowId })).open;
    },
    guardQueue(request, { mustBeGreen }) {
      const what = mustBeGreen ? `${base} to be mended` : `${base} quiet and green`;
      const { requireCi } = request;
      // A base that is red is waited for as long as that takes: somebody has been told of it.
      const bound = mustBeGreen ? {} : { waitAtMostSeconds: quietWithinSeconds };
      return call(sideOf(request).ci.guardQueue, what, { place, mustBeGreen, requireCi, ...bound });
    },
    /** A withdrawal lets it end: where the branch is then, the task has to know. */
    updateBranch(request, headSha, covered) {
      const what = `bring ${describe(request)} up to ${base}`;
      const update = () =>
        call(sideOf(request).merges.updateBranch, what, {
          ...{ tenant, repository, request, headSha },
          ...(covered ? { covered } : {}),
        });
      return isSince02() ? CancellationScope.nonCancellable(update) : update();
    },
    awaitCi(request, of, what) {
      const { ci } = request;
      return call(sideOf(request).ci.awaitCi, what, { place, ...of, ...(ci === undefined ? {} : { ci }) });
    },
    merge(request, of) {
      const what = `merge ${describe(request)} at ${of.headSha}`;
      return call(sideOf(request).merge, what, { tenant, repository, request, ...of });
    },
    openRevert(request, of) {
      const what = `take ${describe(request)} back`;
      return call(sideOf(request).merges.openRevert, what, { tenant, repository, request, ...of });
    },
    async findRevert(request, { mergeSha }) {
      if (!patched('finds-reverts')) return { kind: 'not-merged' };
      const what = `whether ${describe(request)} was taken back`;
      return call(sideOf(request).merges.findRevert, what, { tenant, repository, request, mergeSha });
    },
    openBatch(requests, { baseSha }) {
      const [first] = requests;
      if (!first) throw new Error('a batch of nobody');
      const what = `put ${requests.map(describe).join(', ')} together`;
      return call(sideOf(first).merges.openBatch, what, {
        ...{ tenant, repository, baseSha },
        requests: [...requests],
      });
    },
    tidyBranch(request, { branch, headSha, pullRequest }) {
      const { mission, task } = request;
      return call(sideOf(request).forge.tidyForge, `remove ${branch}`, {
        place: { ...place, mission, task, branch },
        headSha,
        pullRequest,
      });
    },
    async tell(request, answer) {
      if ((answer.kind === 'base-red' || answer.kind === 'base-green') && !isSince04()) return;
      const arrival = send(request, answer);
      if (!isSince02()) return arrival;
      answers.wait(arrival);
    },
    whileWanted(work) {
      const scope = new CancellationScope({ cancellable: true });
      const result = scope.run(work).catch((error: unknown) => {
        if (isCancellation(error)) return 'called-off' as const;
        throw error;
      });
      return { result, callOff: () => scope.cancel() };
    },
    failureOf: (error) => (error instanceof ActivityFailure ? describeFailure(error) : undefined),
    show: (state) => setCurrentDetails(state.describe()),
  };

  /** Where the effects of a request are done; requests of before the field was there are done on the lane's own host. */
  function sideOf({ host }: MergeRequest): ForgeSide {
    return forgeSide({ engine, host });
  }
}

/** What was told and has not arrived yet: the lane does not end a run before. */
class Answers {
  onTheirWay = 0;

  wait(arrival: Promise<void>): void {
    this.onTheirWay += 1;
    void arrival.finally(() => (this.onTheirWay -= 1));
  }
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

/** Steps that version 0.1 has recorded are replayed as it took them. */
function isSince02(): boolean {
  return patched('lane-0.2');
}

/** The same of version 0.3, which asked nobody whether a task still waits, and told nobody of a red base. */
function isSince04(): boolean {
  return patched('lane-0.4');
}
