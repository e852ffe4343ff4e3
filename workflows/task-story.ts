import {
  allHandlersFinished,
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  isCancellation,
  patched,
} from '@temporalio/workflow';
import { runtimeName } from '../schema/contracts/agent.ts';
import {
  signals,
  type MergeRequest,
  type MergeWithdrawal,
  type TaskResult,
} from '../schema/contracts/messages.ts';
import { laneWorkflowId } from '../schema/contracts/names.ts';
import type { SessionSummary } from '../schema/contracts/session.ts';
import { defaultStallSeconds } from './rules/model-fault.ts';
import { call, forgeSide, requestMerge, type ForgeSide } from './proxies.ts';
import {
  isNobodysFault,
  rejectCi,
  rejectConflict,
  rejectDelivery,
  rejectDivergence,
  rejectReview,
  rejectRevert,
  rejectSession,
} from './rules/remediation.ts';
import type { LaneOutcome } from './rules/lane-answers.ts';
import type { TaskState } from './task-state.ts';
import { TaskAnswers } from './task-answers.ts';
import { TaskAsks } from './task-asks.ts';
import { briefAfterLoss } from './task-brief.ts';
import { TaskCi } from './task-ci.ts';
import { TaskEnding } from './task-ending.ts';
import { untilOneThrows } from './side-by-side.ts';
import { HostLost, TaskHost } from './task-host.ts';
import { TaskLaunches } from './task-launches.ts';
import { TaskReviews } from './task-reviews.ts';
import { GivenUp, TaskSteps } from './task-steps.ts';

/** The story of one task, gate by gate. It reads from top to bottom in the order in which things happen. */
export class TaskStory {
  readonly #task: TaskState;
  readonly #steps: TaskSteps;
  readonly #ending: TaskEnding;
  readonly #launches: TaskLaunches;
  readonly #host: TaskHost;
  readonly answers: TaskAnswers;
  readonly asks: TaskAsks;
  readonly #forgeSide: ForgeSide;
  readonly #ci: TaskCi;
  readonly #reviews: TaskReviews;

  constructor(task: TaskState) {
    this.#task = task;
    this.#steps = new TaskSteps(task);
    this.#host = new TaskHost(task);
    this.#launches = new TaskLaunches({ task, steps: this.#steps, host: this.#host });
    this.#reviews = new TaskReviews({ task, steps: this.#steps, launches: this.#launches, host: this.#host });
    this.#forgeSide = forgeSide(task.input);
    this.#ci = new TaskCi({ task, steps: this.#steps, forgeSide: this.#forgeSide });
    this.answers = new TaskAnswers({ task, steps: this.#steps, host: this.#host });
    this.asks = new TaskAsks({ task, answers: this.answers });
    this.#ending = new TaskEnding({
      task,
      steps: this.#steps,
      host: this.#host,
      forgeSide: this.#forgeSide,
    });
  }

  async tell(): Promise<TaskResult> {
    try {
      await this.#intake();
      for (;;) {
        const delivered = await this.#deliverAndPublish();
        if (delivered === 'no-change') return await this.#ending.finish('no-change');
        if (!(await this.#passReviewAndCi())) continue;
        await this.#waitForGoAhead();
        if ((await this.#passMergeLane()) && (await this.#verifyMerge())) break;
      }
      return await CancellationScope.nonCancellable(() => this.#ending.finish('merged'));
    } catch (error) {
      if (error instanceof GivenUp) return await this.#ending.giveUp(error.status, error.message);
      if (!isCancellation(error)) throw error;
      await this.#ending.giveUp('cancelled', 'cancelled');
      throw error;
    } finally {
      await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
      this.#steps.show();
    }
  }

  async #intake(): Promise<void> {
    const task = this.#task;
    const { title, goal } = task.input.task;
    const { milestone, milestoneTitle } = task.input;
    const within =
      milestoneTitle === undefined ? {} : { milestone: { id: milestone, title: milestoneTitle } };
    task.enter('intake');
    const issue = await this.#steps.try(() =>
      call(this.#forgeSide.forge.openIssue, 'the issue', { place: task.place, title, goal, ...within }),
    );
    task.view.issue = issue.number;
  }

  /** Sessions until the delivery of one is on the forge, where no host can take it away. */
  async #deliverAndPublish(): Promise<'published' | 'no-change'> {
    for (;;) {
      try {
        const delivered = await this.#deliver();
        if (!delivered) return 'no-change';
        if (await this.#publish()) return 'published';
      } catch (error) {
        if (!(error instanceof HostLost)) throw error;
        await this.#launches.hostLost(error);
      }
    }
  }

  /** Sessions until one has delivered. False: there is nothing to change, and the checks are green as things stand. */
  async #deliver(): Promise<boolean> {
    const task = this.#task;
    for (;;) {
      const sessionId = task.headToVerify === 'forge' ? null : await this.#implement();
      if (sessionId === undefined) continue;
      task.headToVerify = 'session';
      const { checks, paths } = task.input.task;
      const round = task.nextVerification();
      const { checksTimeoutSeconds } = task.input.policy;
      await this.#steps.enter('verify-delivery', { on: 'the checks in a clean checkout', for: 'engine' });
      const delivery = await this.#steps.try(() =>
        this.#host.call(
          ({ runs }) => runs.verifyDelivery,
          `delivery of ${sessionId ?? 'the forge’s branch'}`,
          {
            place: task.place,
            sessionId,
            round,
            checks,
            checksTimeoutSeconds,
            ...(paths === undefined ? {} : { paths }),
            ...this.#reviews.watched(),
          },
        ),
      );
      if (sessionId !== null) task.attempted(delivery);
      if (delivery.kind === 'delivered') {
        task.delivered(delivery);
        this.#reviews.delivered(delivery);
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
    const { sessionId, launch, program } = await this.#launches.untilNext();
    const host = this.#host.name;
    const resumes = task.resumesOf(runtimeName(program), host);
    task.tell('session-started', `${sessionId} on ${host}${task.describeStandIn(program)}`);
    await this.#steps.enter('implement', { on: `session ${sessionId}`, for: 'agent' });
    const run = (): Promise<SessionSummary> =>
      this.#host.call(({ runs }) => runs.runSession, `session ${sessionId}`, {
        place: task.place,
        host,
        sessionId,
        launch,
        task: { ...task.input.task, program },
        feedback: task.feedback,
        guidance: task.guidance,
        ...task.budget.ofNextSession({ timeoutSeconds: task.input.policy.sessionTimeoutSeconds }),
        stallSeconds: task.input.policy.stallSeconds ?? defaultStallSeconds,
        ...(resumes === undefined ? {} : { resumes }),
        ...briefAfterLoss(task, { host, isResumed: resumes !== undefined }),
      });
    const session = await this.#steps.try(() => this.#launches.withRoom(run));
    await this.#launches.ended(session);
    const rejected = rejectSession(session);
    if (!rejected) return sessionId;
    if (!(await this.#launches.waitForModel(session))) await this.#steps.sendBack([rejected]);
    return undefined;
  }

  /** False: somebody else has pushed to the branch, and the author has to bring both together. */
  async #publish(): Promise<boolean> {
    const task = this.#task;
    const { place, view } = task;
    const headSha = this.#head();
    await this.#ci.untilBaseIsQuiet();
    await this.#steps.enter('push', { on: `the push of ${headSha}`, for: 'forge' });
    const pushed = await this.#steps.try(() =>
      this.#host.call(({ steps }) => steps.pushBranch, `push ${headSha}`, { place, headSha }),
    );
    if (pushed.kind === 'diverged') {
      return this.#steps.sendBack([rejectDivergence(place.branch, pushed.headSha)]);
    }
    task.pushed(headSha);
    await this.#steps.enter('open-pull-request', { on: 'the pull request', for: 'forge' });
    const { title, goal } = task.input.task;
    const issue = view.issue ?? 0;
    const after = task.pullRequestsOver === undefined ? {} : { after: task.pullRequestsOver };
    const opened = await this.#steps.try(() =>
      call(this.#forgeSide.forge.openPullRequest, 'the pull request', {
        ...{ place, title, goal, issue },
        ...after,
      }),
    );
    view.pullRequest = opened.number;
    return true;
  }

  /** Reviewers and CI side by side, all of them on the same head. False: sent back to the author. */
  async #passReviewAndCi(): Promise<boolean> {
    const task = this.#task;
    const { policy } = task.input;
    const headSha = this.#head();
    await this.#reviews.enter(headSha);
    const [reviews, report] = await untilOneThrows(() => ({
      reviews: this.#reviews.verdicts(headSha),
      tests: this.#ci.verdict(headSha),
    }));
    this.#ci.heard(report);
    const rejections = [...reviews.map(rejectReview), rejectCi(report, policy)];
    return (await this.#steps.sendBack(rejections)) && (await this.#ci.outlast(report));
  }

  async #waitForGoAhead(): Promise<void> {
    const task = this.#task;
    const headSha = this.#head();
    if (!task.needsGoAhead()) {
      task.enter('go-ahead');
      task.giveGoAhead({ headSha, by: 'policy' }, 'policy');
      return;
    }
    const on = `the merge go-ahead for ${headSha}`;
    await this.#steps.enter('go-ahead', { on, for: 'person' });
    await this.#steps.untilPerson({ done: () => task.view.goAhead?.sha === headSha, on });
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
      await condition(() => task.laneOutcome(id) !== undefined || task.redBase(id) !== red);
      if (task.laneOutcome(id)) return;
      red = task.redBase(id);
      task.waitOn(
        red === undefined
          ? { on: `its turn in the lane of ${base}`, for: 'lane' }
          : { on: `${base} to be mended: ${red}`, for: 'person' },
      );
      await this.#steps.record();
    }
  }

  /**
   * The lane watches the base branch at the merge commit; red, it stands until a person has mended it. What is merged
   * stays merged: a cancellation only ends the waiting. False: the lane has taken it back, as the policy says.
   */
  async #verifyMerge(): Promise<boolean> {
    const task = this.#task;
    const { base } = task.input.repository;
    try {
      await this.#steps.enter('verify-merge', {
        on: `${base} green at ${task.view.mergeSha ?? ''}`,
        for: 'ci',
      });
      await condition(() => task.mergeVerdict() !== undefined);
      if (task.mergeVerdict()?.verdict === 'none-yet' && patched('verified-by-itself')) {
        await this.#steps.try(() =>
          call(this.#forgeSide.ci.guardQueue, `${base} green, where the lane could not look`, {
            place: task.place,
            mustBeGreen: true,
            requireCi: task.input.policy.requireCi,
          }),
        );
      } else if (task.mergeVerdict()?.green !== true) {
        task.waitOn({ on: `${base} to be mended: it is red at the merge commit`, for: 'person' });
        await this.#steps.record();
        await condition(() => task.mergeVerdict()?.green === true || task.revert() !== undefined);
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
    task.view.mergeCi = task.mergeVerdict()?.verdict ?? null;
    return true;
  }

  #head(): string {
    const { headSha } = this.#task.view;
    if (headSha === null) throw new Error('no head has been delivered yet');
    return headSha;
  }
}
