import { allHandlersFinished, CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import { runtimeName } from '../schema/contracts/agent.ts';
import type { TaskResult } from '../schema/contracts/messages.ts';
import type { SessionSummary } from '../schema/contracts/session.ts';
import { defaultStallSeconds } from './rules/model-fault.ts';
import { call, forgeSide, type ForgeSide } from './proxies.ts';
import {
  rejectCi,
  rejectDelivery,
  rejectDivergence,
  rejectRepeat,
  rejectReview,
  rejectSession,
} from './rules/remediation.ts';
import type { TaskState } from './task-state.ts';
import { TaskAnswers } from './task-answers.ts';
import { TaskAsks } from './task-asks.ts';
import { FailedAttempts } from './failed-attempts.ts';
import { briefAfterLoss } from './task-brief.ts';
import { TaskCi } from './task-ci.ts';
import { TaskDisputes } from './task-disputes.ts';
import { TaskEnding } from './task-ending.ts';
import { untilOneThrows } from './side-by-side.ts';
import { HostLost, TaskHost } from './task-host.ts';
import { TaskLaunches } from './task-launches.ts';
import { TaskLaws } from './task-laws.ts';
import { TaskMerge } from './task-merge.ts';
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
  readonly #laws: TaskLaws;
  readonly #merge: TaskMerge;
  readonly #disputes: TaskDisputes;
  readonly #failed = new FailedAttempts();

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
    this.#disputes = new TaskDisputes({
      ...{ task, asks: this.asks, steps: this.#steps, launches: this.#launches, host: this.#host },
    });
    this.#laws = new TaskLaws({ task, steps: this.#steps, asks: this.asks });
    this.#merge = new TaskMerge({ task, steps: this.#steps, ci: this.#ci, forgeSide: this.#forgeSide });
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
        if ((await this.#merge.passLane()) && (await this.#merge.verify())) break;
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
      const { checksTimeoutSeconds, twoPersons } = task.input.policy;
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
            ...(twoPersons === undefined ? {} : { twoPersons }),
          },
        ),
      );
      if (sessionId !== null) task.attempted(delivery);
      if (delivery.kind === 'delivered') {
        task.delivered(delivery);
        this.#reviews.delivered(delivery);
        this.#disputes.heard(delivery, sessionId);
        if (!(await this.#laws.allow(delivery))) continue;
        const before = this.#failed.repeats(delivery, task.resolutions.length);
        if (before === undefined) return true;
        await this.#steps.sendBack([rejectRepeat(delivery.headSha, before)]);
        continue;
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
        findings: task.findings.known,
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
    await this.#disputes.untilSettled(headSha);
    await this.#reviews.enter(headSha);
    const [reviews, report] = await untilOneThrows(() => ({
      reviews: this.#reviews.verdicts(headSha),
      tests: this.#ci.verdict(headSha),
    }));
    this.#ci.heard(report);
    const rejections = [
      ...reviews.map((review) => rejectReview(review, policy, task.findings.known)),
      rejectCi(report, policy),
    ];
    this.#failed.failed(rejections);
    return (await this.#steps.sendBack(rejections)) && (await this.#ci.outlast(report));
  }

  async #waitForGoAhead(): Promise<void> {
    const task = this.#task;
    const { goAheads } = task;
    const headSha = this.#head();
    if (!goAheads.areNeeded()) {
      task.enter('go-ahead');
      goAheads.give({ headSha, by: 'policy' }, 'policy');
      return;
    }
    const on = goAheads.describe();
    await this.#steps.enter('go-ahead', { on, for: 'person', about: 'go-ahead' });
    if (goAheads.needed > 1) {
      await this.#steps.untilPerson({ done: () => goAheads.given.length > 0, on });
      task.waitOn({ on: goAheads.describe(), for: 'person', about: 'go-ahead' });
      await this.#steps.record();
    }
    const done = (): boolean => task.view.goAhead?.sha === headSha;
    await this.#steps.untilPerson({ done, on: goAheads.describe() });
  }

  #head(): string {
    const { headSha } = this.#task.view;
    if (headSha === null) throw new Error('no head has been delivered yet');
    return headSha;
  }
}
