import {
  ActivityFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  workflowInfo,
} from '@temporalio/workflow';
import {
  signals,
  type MergeRequest,
  type MergeWithdrawal,
  type TaskResult,
} from '../schema/contracts/messages.ts';
import { hostQueue, laneWorkflowId } from '../schema/contracts/names.ts';
import type { Review } from '../schema/contracts/review.ts';
import { ci, forge, hostRuns, hostSteps, requestMerge } from './proxies.ts';
import {
  rejectCi,
  rejectConflict,
  rejectDelivery,
  rejectReview,
  rejectSession,
} from './rules/remediation.ts';
import type { LaneOutcome, TaskState } from './task-state.ts';
import { describeFailure, GivenUp, TaskSteps } from './task-steps.ts';

/** How often a reviewer that gave no verdict is asked again before a person is. */
const reviewLaunches = 3;

/** The story of one task, gate by gate. It reads from top to bottom in the order in which things happen. */
export class TaskStory {
  readonly #task: TaskState;
  readonly #steps: TaskSteps;
  readonly #hostRuns: ReturnType<typeof hostRuns>;
  readonly #hostSteps: ReturnType<typeof hostSteps>;

  constructor(task: TaskState) {
    this.#task = task;
    this.#steps = new TaskSteps(task);
    const { engine, policy } = task.input;
    const queue = hostQueue(engine);
    const longest = Math.max(policy.sessionTimeoutSeconds, policy.checksTimeoutSeconds * 20);
    this.#hostRuns = hostRuns(queue, longest);
    this.#hostSteps = hostSteps(queue);
  }

  async tell(): Promise<TaskResult> {
    try {
      await this.#intake();
      for (;;) {
        const delivered = await this.#deliver();
        if (!delivered) return await this.#finish('no-change');
        await this.#publish();
        if (!(await this.#passReviewAndCi())) continue;
        await this.#waitForGoAhead();
        if (await this.#passMergeLane()) break;
      }
      // What is merged is finished, whatever is asked from here on.
      return await CancellationScope.nonCancellable(async () => {
        await this.#verifyMerge();
        return this.#finish('merged');
      });
    } catch (error) {
      if (error instanceof GivenUp) return await this.#giveUp(error.status, error.message);
      if (!isCancellation(error)) throw error;
      await CancellationScope.nonCancellable(() => this.#giveUp('cancelled', 'cancelled'));
      throw error;
    } finally {
      await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
      this.#steps.show();
    }
  }

  async #intake(): Promise<void> {
    const task = this.#task;
    const { title, goal } = task.input.task;
    task.enter('intake');
    const issue = await this.#steps.try(() => forge.openIssue({ place: task.place, title, goal }));
    task.view.issue = issue.number;
  }

  /** Sessions until one has delivered. False: there is nothing to change, and the checks are green as things stand. */
  async #deliver(): Promise<boolean> {
    const task = this.#task;
    for (;;) {
      const sessionId = task.headToVerify === 'forge' ? null : await this.#implement();
      if (sessionId === undefined) continue;
      task.headToVerify = 'session';
      const { checks } = task.input.task;
      const { checksTimeoutSeconds } = task.input.policy;
      await this.#steps.enter('verify-delivery', { on: 'the checks in a clean checkout', for: 'engine' });
      const delivery = await this.#steps.try(() =>
        this.#hostRuns.verifyDelivery({ place: task.place, sessionId, checks, checksTimeoutSeconds }),
      );
      if (delivery.kind === 'delivered') {
        task.delivered(delivery);
        return true;
      }
      if (delivery.kind === 'no-change-needed') {
        task.view.reason = delivery.reason;
        return false;
      }
      await this.#steps.sendBack([rejectDelivery(delivery)]);
    }
  }

  /** One author session. Undefined: it failed, and that has been dealt with. */
  async #implement(): Promise<string | undefined> {
    const task = this.#task;
    while (!task.mayLaunch())
      await this.#steps.park(`all ${task.authorLaunches} sessions of the task are used up`);
    const { sessionId, launch } = task.nextAuthorSession();
    task.tell('session-started', sessionId);
    await this.#steps.enter('implement', { on: `session ${sessionId}`, for: 'agent' });
    const session = await this.#steps.try(() =>
      this.#hostRuns.runSession({
        place: task.place,
        host: task.input.engine.host,
        sessionId,
        launch,
        task: task.input.task,
        feedback: task.feedback,
        guidance: task.guidance,
        timeoutSeconds: task.input.policy.sessionTimeoutSeconds,
      }),
    );
    task.sessionEnded(session);
    const rejected = rejectSession(session);
    if (!rejected) return sessionId;
    await this.#steps.sendBack([rejected]);
    return undefined;
  }

  async #publish(): Promise<void> {
    const task = this.#task;
    const { place, view } = task;
    const { repository, policy } = task.input;
    const headSha = this.#head();
    await this.#steps.enter('queue-guard', { on: `no pipeline pending on ${repository.base}`, for: 'ci' });
    const { requireCi } = policy;
    await this.#steps.try(() => ci.guardQueue({ place, mustBeGreen: false, requireCi }));
    await this.#steps.enter('push', { on: `the push of ${headSha}`, for: 'forge' });
    await this.#steps.try(() => this.#hostSteps.pushBranch({ place, headSha }));
    await this.#steps.enter('open-pull-request', { on: 'the pull request', for: 'forge' });
    const { title, goal } = task.input.task;
    const issue = view.issue ?? 0;
    const opened = await this.#steps.try(() => forge.openPullRequest({ place, title, goal, issue }));
    view.pullRequest = opened.number;
  }

  /** Reviewers and CI side by side, all of them on the same head. False: sent back to the author. */
  async #passReviewAndCi(): Promise<boolean> {
    const task = this.#task;
    const { policy } = task.input;
    const headSha = this.#head();
    const engines = policy.reviewers.map(({ engine }) => engine);
    await this.#steps.enter('review-and-ci', {
      on: `${engines.join(', ')} and CI at ${headSha}`,
      for: 'reviewer',
    });
    const [reviews, report] = await untilOneThrows(() =>
      Promise.all([
        Promise.all(engines.map((engine) => this.#review(engine, headSha))),
        this.#steps.try(() => ci.awaitCi({ place: task.place, sha: headSha, stepsAt: task.baseSha })),
      ]),
    );
    task.view.ci = report.verdict;
    task.tell('ci', `CI is ${report.verdict} at ${headSha}`);
    const rejections = [...reviews.map(rejectReview), rejectCi(report, policy)];
    return this.#steps.sendBack(rejections);
  }

  /** One engine's verdict on one head. No verdict is asked for again, then parked: it never counts as approval. */
  async #review(engine: string, headSha: string): Promise<Review> {
    const task = this.#task;
    const { input, place } = task;
    const standing = task.currentReviews().find((review) => review.engine === engine);
    if (standing) return standing;
    for (let launch = 1; ; launch++) {
      const sessionId = task.nextReviewSession(engine);
      const outcome = await this.#steps.try(() =>
        this.#hostRuns.review({
          place,
          host: input.engine.host,
          sessionId,
          engine,
          task: input.task,
          pullRequest: task.view.pullRequest ?? 0,
          headSha,
          baseSha: task.baseSha,
          timeoutSeconds: input.policy.sessionTimeoutSeconds,
        }),
      );
      task.sessionEnded(outcome.session);
      if (outcome.kind === 'reviewed') {
        task.reviewed(outcome.review);
        return outcome.review;
      }
      if (launch % reviewLaunches === 0) await this.#steps.park(`no verdict: ${outcome.reason}`);
    }
  }

  async #waitForGoAhead(): Promise<void> {
    const task = this.#task;
    const headSha = this.#head();
    if (!task.needsGoAhead()) {
      task.enter('go-ahead');
      task.giveGoAhead({ headSha, by: 'policy' }, 'policy');
      return;
    }
    await this.#steps.enter('go-ahead', { on: `the merge go-ahead for ${headSha}`, for: 'person' });
    await condition(() => task.view.goAhead?.sha === headSha);
  }

  /** False: the lane could not merge this head; the task goes back for another. */
  async #passMergeLane(): Promise<boolean> {
    const task = this.#task;
    const { repository, policy } = task.input;
    for (;;) {
      await this.#steps.enter('merge-lane', {
        on: `its turn in the lane of ${repository.base}`,
        for: 'lane',
      });
      const answer = await this.#askLane(task.nextMergeRequest(workflowInfo().workflowId));
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
    await CancellationScope.nonCancellable(() => requestMerge({ engine, repository, request }));
    try {
      await condition(() => task.laneOutcome(request.id) !== undefined);
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
        await lane.signal(signals.mergeWithdrawal, withdrawal);
        await condition(() => task.laneOutcome(request.id) !== undefined);
      });
      if (task.laneOutcome(request.id)?.kind !== 'merged') throw error;
    }
    const outcome = task.laneOutcome(request.id);
    if (!outcome || outcome.kind === 'withdrawn') throw new Error(`${request.id} has no outcome`);
    return outcome;
  }

  /** The lane watches the base branch at the merge commit; red, it is stopped until a person has mended it. */
  async #verifyMerge(): Promise<void> {
    const task = this.#task;
    const { base } = task.input.repository;
    await this.#steps.enter('verify-merge', {
      on: `${base} green at ${task.view.mergeSha ?? ''}`,
      for: 'ci',
    });
    await condition(() => task.mergeVerdict() !== undefined);
    if (task.mergeVerdict()?.green !== true) {
      task.waitOn({ on: `${base} to be mended: it is red at the merge commit`, for: 'person' });
      await this.#steps.record();
      await condition(() => task.mergeVerdict()?.green === true);
    }
    task.view.mergeCi = task.mergeVerdict()?.verdict ?? null;
  }

  async #finish(status: 'merged' | 'no-change'): Promise<TaskResult> {
    const task = this.#task;
    const { place, view } = task;
    await this.#steps.enter('close-issue', { on: 'the issue to close', for: 'forge' });
    const comment =
      view.mergeSha === null
        ? `No change was needed: ${view.reason ?? ''}`
        : `Merged as ${view.mergeSha} by pull request #${view.pullRequest ?? 0}.`;
    await this.#steps.try(() => forge.closeIssue({ place, number: view.issue ?? 0, comment }));
    await this.#steps.enter('clean-up', { on: 'branch and clone to be removed', for: 'engine' });
    await this.#steps.try(() => forge.tidyForge({ place, pullRequest: null }));
    await this.#steps.try(() => this.#hostSteps.cleanUp({ place }));
    task.enter('done');
    const result = task.end(status, view.reason);
    await this.#steps.record();
    return result;
  }

  async #giveUp(status: 'skipped' | 'abandoned' | 'cancelled', reason: string): Promise<TaskResult> {
    const task = this.#task;
    const { place, view } = task;
    try {
      await forge.tidyForge({ place, pullRequest: view.pullRequest });
      await this.#hostSteps.cleanUp({ place });
    } catch (error) {
      if (!(error instanceof ActivityFailure)) throw error;
      task.tell('ignored', `clean-up: ${describeFailure(error)}`);
    }
    const result = task.end(status, reason);
    await this.#steps.record();
    return result;
  }

  #head(): string {
    const { headSha } = this.#task.view;
    if (headSha === null) throw new Error('no head has been delivered yet');
    return headSha;
  }
}

/** Runs steps side by side; when one throws, the others are cancelled before that is told. */
async function untilOneThrows<T>(steps: () => Promise<T>): Promise<T> {
  const scope = new CancellationScope({ cancellable: true });
  try {
    return await scope.run(steps);
  } catch (error) {
    scope.cancel();
    throw error;
  }
}
