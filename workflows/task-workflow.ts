import {
  ActivityFailure,
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  getExternalWorkflowHandle,
  isCancellation,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import {
  queries,
  signals,
  updates,
  type GoAheadRequest,
  type MergeRequest,
  type MergeWithdrawal,
  type Resolution,
  type TaskInput,
  type TaskResult,
} from '../schema/contracts/messages.ts';
import { hostQueue, laneWorkflowId } from '../schema/contracts/names.ts';
import type { Gate, Wait } from '../schema/contracts/gates.ts';
import type { Review } from '../schema/contracts/review.ts';
import type { GoAhead, TaskView } from '../schema/contracts/views.ts';
import { ci, forge, hostRuns, hostSteps, record, requestMerge } from './proxies.ts';
import {
  overBudget,
  rejectCi,
  rejectConflict,
  rejectDelivery,
  rejectReview,
  rejectSession,
  type Rejection,
} from './rules/remediation.ts';
import { TaskState, type LaneOutcome } from './task-state.ts';
import { TaskDisplay } from './visibility.ts';

export const goAheadUpdate = defineUpdate<GoAhead, [GoAheadRequest]>(updates.goAhead);
export const resolveUpdate = defineUpdate<void, [Resolution]>(updates.resolve);
export const goAheadSignal = defineSignal<[unknown]>(signals.goAhead);
export const mergeAnswerSignal = defineSignal<[unknown]>(signals.mergeAnswer);
export const taskViewQuery = defineQuery<TaskView>(queries.view);

/** How often a reviewer that gave no verdict is asked again before a person is. */
const reviewLaunches = 3;

/** A person has decided that the task ends here. */
class GivenUp extends Error {
  readonly status: 'skipped' | 'abandoned';
  constructor(status: 'skipped' | 'abandoned', reason: string) {
    super(reason);
    this.status = status;
  }
}

/** The story of one task, from its issue to its merge. */
export async function taskWorkflow(input: TaskInput): Promise<TaskResult> {
  const task = new TaskState(input, Date.now);
  setHandler(taskViewQuery, () => task.view);
  setHandler(mergeAnswerSignal, (raw) => task.hearLane(raw));
  setHandler(goAheadSignal, (raw) => task.hearGoAhead(raw));
  setHandler(goAheadUpdate, (request) => task.giveGoAhead(request, 'api'), {
    validator: (request) => refuseGoAhead(task, request),
  });
  setHandler(resolveUpdate, (resolution) => task.resolve(resolution), {
    validator: (resolution) => refuseResolution(task, resolution),
  });
  return new TaskStory(task).tell();
}

class TaskStory {
  readonly #task: TaskState;
  readonly #display = new TaskDisplay();
  readonly #hostRuns: ReturnType<typeof hostRuns>;
  readonly #hostSteps: ReturnType<typeof hostSteps>;

  constructor(task: TaskState) {
    this.#task = task;
    const { engine, policy } = task.input;
    const queue = hostQueue(engine);
    const longest = Math.max(policy.sessionTimeoutSeconds, policy.checksTimeoutSeconds * 20);
    this.#hostRuns = hostRuns(queue, longest);
    this.#hostSteps = hostSteps(queue);
  }

  async tell(): Promise<TaskResult> {
    const task = this.#task;
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
      if (error instanceof GivenUp) return this.#giveUp(error.status, error.message);
      if (!isCancellation(error)) throw error;
      await CancellationScope.nonCancellable(() => this.#giveUp('cancelled', 'cancelled'));
      throw error;
    } finally {
      await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
      this.#display.show(task.view, task.input.engine);
    }
  }

  async #intake(): Promise<void> {
    const task = this.#task;
    const { title, goal } = task.input.task;
    task.enter('intake');
    const issue = await this.#try(() => forge.openIssue({ place: task.place, title, goal }));
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
      await this.#enter('verify-delivery', { on: 'the checks in a clean checkout', for: 'engine' });
      const delivery = await this.#try(() =>
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
      await this.#sendBack([rejectDelivery(delivery)]);
    }
  }

  /** One author session. Undefined: it failed, and that has been dealt with. */
  async #implement(): Promise<string | undefined> {
    const task = this.#task;
    while (!task.mayLaunch()) await this.#park(`all ${task.authorLaunches} sessions of the task are used up`);
    const { sessionId, launch } = task.nextAuthorSession();
    task.tell('session-started', sessionId);
    await this.#enter('implement', { on: `session ${sessionId}`, for: 'agent' });
    const session = await this.#try(() =>
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
    await this.#sendBack([rejected]);
    return undefined;
  }

  async #publish(): Promise<void> {
    const task = this.#task;
    const { place, view } = task;
    const { repository, policy } = task.input;
    const headSha = this.#head();
    await this.#enter('queue-guard', { on: `no pipeline pending on ${repository.base}`, for: 'ci' });
    const { requireCi } = policy;
    await this.#try(() => ci.guardQueue({ place, mustBeGreen: false, requireCi }));
    await this.#enter('push', { on: `the push of ${headSha}`, for: 'forge' });
    await this.#try(() => this.#hostSteps.pushBranch({ place, headSha }));
    await this.#enter('open-pull-request', { on: 'the pull request', for: 'forge' });
    const { title, goal } = task.input.task;
    const issue = view.issue ?? 0;
    const opened = await this.#try(() => forge.openPullRequest({ place, title, goal, issue }));
    view.pullRequest = opened.number;
  }

  /** Reviewers and CI side by side, all of them on the same head. False: sent back to the author. */
  async #passReviewAndCi(): Promise<boolean> {
    const task = this.#task;
    const { policy } = task.input;
    const headSha = this.#head();
    const engines = policy.reviewers.map(({ engine }) => engine);
    await this.#enter('review-and-ci', { on: `${engines.join(', ')} and CI at ${headSha}`, for: 'reviewer' });
    const [reviews, report] = await untilOneThrows(() =>
      Promise.all([
        Promise.all(engines.map((engine) => this.#review(engine, headSha))),
        this.#try(() => ci.awaitCi({ place: task.place, sha: headSha, stepsAt: task.baseSha })),
      ]),
    );
    task.view.ci = report.verdict;
    task.tell('ci', `CI is ${report.verdict} at ${headSha}`);
    const rejections = [...reviews.map(rejectReview), rejectCi(report, policy)];
    return this.#sendBack(rejections);
  }

  /** One engine's verdict on one head. No verdict is asked for again, then parked: it never counts as approval. */
  async #review(engine: string, headSha: string): Promise<Review> {
    const task = this.#task;
    const { input, place } = task;
    const standing = task.currentReviews().find((review) => review.engine === engine);
    if (standing) return standing;
    for (let launch = 1; ; launch++) {
      const sessionId = task.nextReviewSession(engine);
      const outcome = await this.#try(() =>
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
      if (launch % reviewLaunches === 0) await this.#park(`no verdict: ${outcome.reason}`);
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
    await this.#enter('go-ahead', { on: `the merge go-ahead for ${headSha}`, for: 'person' });
    await condition(() => task.view.goAhead?.sha === headSha);
  }

  /** False: the lane could not merge this head; the task goes back for another. */
  async #passMergeLane(): Promise<boolean> {
    const task = this.#task;
    const { repository, policy } = task.input;
    for (;;) {
      await this.#enter('merge-lane', { on: `its turn in the lane of ${repository.base}`, for: 'lane' });
      const answer = await this.#askLane(task.nextMergeRequest(workflowInfo().workflowId));
      switch (answer.kind) {
        case 'merged':
          task.merged(answer);
          return true;
        case 'head-moved':
          task.headMoved(`the head of ${task.place.branch} is now ${answer.headSha ?? 'gone'}`);
          return false;
        case 'conflict':
          await this.#sendBack([rejectConflict(answer.files, repository.base, task.view.headSha)]);
          return false;
        case 'ci-failed':
          await this.#sendBack([rejectCi(answer.report, policy)]);
          return false;
        case 'failed':
          await this.#park(answer.reason);
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
    await this.#enter('verify-merge', { on: `${base} green at ${task.view.mergeSha ?? ''}`, for: 'ci' });
    await condition(() => task.mergeVerdict() !== undefined);
    if (task.mergeVerdict()?.green !== true) {
      task.waitOn({ on: `${base} to be mended: it is red at the merge commit`, for: 'person' });
      await this.#record();
      await condition(() => task.mergeVerdict()?.green === true);
    }
    task.view.mergeCi = task.mergeVerdict()?.verdict ?? null;
  }

  async #finish(status: 'merged' | 'no-change'): Promise<TaskResult> {
    const task = this.#task;
    const { place, view } = task;
    await this.#enter('close-issue', { on: 'the issue to close', for: 'forge' });
    const comment =
      view.mergeSha === null
        ? `No change was needed: ${view.reason ?? ''}`
        : `Merged as ${view.mergeSha} by pull request #${view.pullRequest ?? 0}.`;
    await this.#try(() => forge.closeIssue({ place, number: view.issue ?? 0, comment }));
    await this.#enter('clean-up', { on: 'branch and clone to be removed', for: 'engine' });
    await this.#try(() => forge.tidyForge({ place, pullRequest: null }));
    await this.#try(() => this.#hostSteps.cleanUp({ place }));
    task.enter('done');
    const result = task.end(status, view.reason);
    await this.#record();
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
    await this.#record();
    return result;
  }

  /** True: there was nothing to send back. Otherwise the failures are counted, and parked when there are too many. */
  async #sendBack(rejections: readonly (Rejection | undefined)[]): Promise<boolean> {
    const task = this.#task;
    const real = rejections.filter((rejection) => rejection !== undefined);
    if (real.length === 0) return true;
    const counts = task.sentBack(real);
    const failures = real.map((rejection) => rejection.failure);
    const worst = overBudget(counts, failures, task.input.policy.remediations);
    if (worst) await this.#park(`${worst.message} (${counts.get(worst.signature) ?? 0} times)`);
    return false;
  }

  /** Runs a step; when its retries are used up the task waits for an answer and, told so, tries it again. */
  async #try<T>(step: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await step();
      } catch (error) {
        if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
        await this.#park(describeFailure(error));
      }
    }
  }

  async #park(reason: string): Promise<void> {
    const task = this.#task;
    const answered = task.resolutions.length;
    task.block(reason);
    await this.#record();
    await condition(() => task.resolutions.length > answered);
    const resolution = task.resolutions[answered];
    if (!resolution) throw new Error('a resolution was counted but is not there');
    task.unblock(resolution);
    await this.#record();
    if (resolution.action === 'skip') throw new GivenUp('skipped', reason);
    if (resolution.action === 'abandon') throw new GivenUp('abandoned', reason);
  }

  async #enter(gate: Gate, wait: Pick<Wait, 'on' | 'for'>): Promise<void> {
    this.#task.enter(gate, wait);
    await this.#record();
  }

  async #record(): Promise<void> {
    const { view, place, input } = this.#task;
    this.#display.show(view, input.engine);
    const { tenant, mission } = place;
    await record.recordTask({ tenant, mission, view, ...this.#task.takeNews() });
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

function refuseGoAhead(task: TaskState, request: GoAheadRequest): void {
  const fault = task.goAheadFault(request, 'api');
  if (!fault) return;
  const { type, message } = fault;
  const details = 'headSha' in fault ? [{ headSha: fault.headSha }] : [];
  throw ApplicationFailure.create({ type, message, details, nonRetryable: true });
}

function refuseResolution(task: TaskState, resolution: Resolution): void {
  const message = task.resolutionFault(resolution);
  if (message !== undefined)
    throw ApplicationFailure.create({ type: 'WrongPhase', message, nonRetryable: true });
}

/** The innermost cause says most: the outer ones only name the activity. */
function describeFailure(error: ActivityFailure): string {
  const cause = error.cause?.message ?? error.message;
  return `${error.activityType}: ${cause}`;
}
