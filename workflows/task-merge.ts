import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  patched,
} from '@temporalio/workflow';
import type { CiVerdict } from '../schema/contracts/ci.ts';
import { signals, type MergeRequest, type MergeWithdrawal } from '../schema/contracts/messages.ts';
import { laneWorkflowId } from '../schema/contracts/names.ts';
import { call, requestMerge, type ForgeSide } from './proxies.ts';
import type { LaneOutcome } from './rules/lane-answers.ts';
import { isNobodysFault, rejectCi, rejectConflict, rejectRevert } from './rules/remediation.ts';
import type { TaskCi } from './task-ci.ts';
import type { TaskState } from './task-state.ts';
import { GivenUp, type TaskSteps } from './task-steps.ts';

/** How a task goes through the merge lane, and is seen to have come well to the base. */
export class TaskMerge {
  readonly #task: TaskState;
  readonly #steps: TaskSteps;
  readonly #ci: TaskCi;
  readonly #forgeSide: ForgeSide;

  constructor(of: { task: TaskState; steps: TaskSteps; ci: TaskCi; forgeSide: ForgeSide }) {
    this.#task = of.task;
    this.#steps = of.steps;
    this.#ci = of.ci;
    this.#forgeSide = of.forgeSide;
  }

  /** False: the lane could not merge this head; the task goes back for another. */
  async passLane(): Promise<boolean> {
    const task = this.#task;
    const { repository, policy } = task.input;
    for (;;) {
      await this.#steps.enter('merge-lane', {
        on: `its turn in the lane of ${repository.base}`,
        for: 'lane',
      });
      const answer = await this.#askLane(this.#ci.nextMergeRequest());
      switch (answer.kind) {
        case 'merged':
          task.merged(answer);
          return true;
        case 'head-moved':
          task.headMoved(`the head of ${task.place.branch} is now ${answer.headSha ?? 'gone'}`);
          return false;
        case 'conflict':
          await this.#steps.sendBack([rejectConflict(answer.files, repository.base, task.view.headSha)]);
          return false;
        case 'ci-failed':
          // Nobody waits for that in the lane: the head that it has made is looked at again from here.
          if (isNobodysFault(answer.report)) {
            task.headMoved(`CI is ${answer.report.verdict} at ${answer.report.sha}`);
            return false;
          }
          await this.#steps.sendBack([rejectCi(answer.report, policy)]);
          return false;
        case 'failed':
          await this.#steps.park(answer.reason);
      }
    }
  }

  /** Nobody leaves the lane between request and outcome: a cancellation withdraws, and hears what came of it. */
  async #askLane(request: MergeRequest): Promise<Exclude<LaneOutcome, { kind: 'withdrawn' }>> {
    const task = this.#task;
    const { engine, repository } = task.input;
    await CancellationScope.nonCancellable(() =>
      call(requestMerge, `merge of ${request.headSha}`, { engine, repository, request }),
    );
    try {
      await this.#untilLaneAnswers(request);
    } catch (error) {
      if (!isCancellation(error)) throw error;
      const lane = getExternalWorkflowHandle(
        laneWorkflowId({
          installation: engine.installation,
          repositoryId: repository.id,
          base: repository.base,
        }),
      );
      const withdrawal: MergeWithdrawal = { id: request.id };
      await CancellationScope.nonCancellable(async () => {
        // A lane that is gone merges nothing any more.
        const heard = await lane.signal(signals.mergeWithdrawal, withdrawal).then(
          () => true,
          () => false,
        );
        if (heard) await condition(() => task.laneOutcome(request.id) !== undefined);
      });
      if (task.laneOutcome(request.id)?.kind !== 'merged') throw error;
    }
    const outcome = task.laneOutcome(request.id);
    if (!outcome || outcome.kind === 'withdrawn') throw new Error(`${request.id} has no outcome`);
    return outcome;
  }

  /** A red base lets nobody in until a person has mended it; whoever waits for its turn says so. */
  async #untilLaneAnswers({ id }: MergeRequest): Promise<void> {
    const task = this.#task;
    const { base } = task.input.repository;
    for (let red: string | undefined; ;) {
      const changed = (): boolean => task.laneOutcome(id) !== undefined || task.redBase(id) !== red;
      await (red === undefined ? condition(changed) : this.#untilMended(changed));
      if (task.laneOutcome(id)) return;
      red = task.redBase(id);
      task.waitOn(
        red === undefined
          ? { on: `its turn in the lane of ${base}`, for: 'lane' }
          : { on: `${base} to be mended: ${red}`, for: 'person', about: 'red-base' },
      );
      await this.#steps.record();
    }
  }

  /** A red base reminds of itself, as all does that waits for a person. */
  async #untilMended(done: () => boolean): Promise<void> {
    const task = this.#task;
    const on = task.view.waits?.on ?? '';
    // Tasks that were begun before this step was there wait without a word.
    const reminds = task.input.policy.questions?.remindSeconds !== undefined && patched('red-base-reminds');
    if (reminds) await this.#steps.untilPerson({ done, on });
    else await condition(done);
  }

  /**
   * The lane watches the base branch at the merge commit; red, it stands until a person has mended it. What is merged
   * stays merged: a cancellation only ends the waiting. False: the lane has taken it back, as the policy says.
   */
  async verify(): Promise<boolean> {
    const task = this.#task;
    const { base } = task.input.repository;
    let seen: { sha: string; verdict: CiVerdict | null } | undefined;
    try {
      await this.#steps.enter('verify-merge', {
        on: `${base} green at ${task.view.mergeSha ?? ''}`,
        for: 'ci',
      });
      await condition(() => task.mergeVerdict() !== undefined);
      if (task.mergeVerdict()?.verdict === 'none-yet' && patched('verified-by-itself')) {
        const { baseSha, verdict = null } = await this.#steps.try(() =>
          call(this.#forgeSide.ci.guardQueue, `${base} green, where the lane could not look`, {
            place: task.place,
            mustBeGreen: true,
            requireCi: task.input.policy.requireCi,
          }),
        );
        seen = { sha: baseSha, verdict };
      } else if (task.mergeVerdict()?.green !== true) {
        const on = `${base} to be mended: it is red at the merge commit`;
        task.waitOn({ on, for: 'person', about: 'red-base' });
        await this.#steps.record();
        await this.#untilMended(() => task.mergeVerdict()?.green === true || task.revert() !== undefined);
      }
    } catch (error) {
      // A person has decided that what can't be verified is good enough.
      if (!isCancellation(error) && !(error instanceof GivenUp)) throw error;
    }
    const revert = task.revert();
    if (revert) {
      task.reverted(revert.revertSha);
      await this.#steps.sendBack([rejectRevert(revert.reason, task.view.headSha)]);
      return false;
    }
    const { verdict = null, green = false } = task.mergeVerdict() ?? {};
    const { mergeSha } = task.view;
    if (green && mergeSha !== null) seen = { sha: mergeSha, verdict };
    if (seen) task.prove({ base: { ...seen, at: Date.now() } });
    task.view.mergeCi = seen?.verdict ?? verdict;
    return true;
  }
}
