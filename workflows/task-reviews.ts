import { addUsage, noUsage } from '../schema/contracts/agent.ts';
import type { Waiting } from '../schema/contracts/gates.ts';
import type { Reviewer } from '../schema/contracts/mission-file.ts';
import type { Review } from '../schema/contracts/review.ts';
import type { SessionSummary } from '../schema/contracts/session.ts';
import type { Delivery, Placed, ReviewInput, ReviewOutcome, VerifyDeliveryInput } from './ports.ts';
import { call } from './proxies.ts';
import { defaultStallSeconds, modelFault } from './rules/model-fault.ts';
import { reviewersOf, watchedPaths } from './rules/reviewers.ts';
import { authorsOf, verdictFault } from './rules/verdict.ts';
import type { TaskHost } from './task-host.ts';
import type { TaskLaunches } from './task-launches.ts';
import { TaskPlaces } from './task-places.ts';
import type { TaskState } from './task-state.ts';
import type { TaskSteps } from './task-steps.ts';

/** How often a reviewer that gave no verdict is launched before a person is asked: its answer is asked for again twice. */
const reviewLaunches = 3;

type Again = Pick<ReviewInput, 'malformed' | 'resumes'>;

/** Who reads a head, and how each comes to a verdict. */
export class TaskReviews {
  readonly #task: TaskState;
  readonly #steps: TaskSteps;
  readonly #launches: TaskLaunches;
  readonly #host: TaskHost;
  readonly #places: TaskPlaces;
  #touched: readonly string[] = [];

  constructor(of: { task: TaskState; steps: TaskSteps; launches: TaskLaunches; host: TaskHost }) {
    this.#task = of.task;
    this.#steps = of.steps;
    this.#launches = of.launches;
    this.#host = of.host;
    this.#places = new TaskPlaces(of);
  }

  /** What a delivery is looked at for. */
  watched(): Pick<VerifyDeliveryInput, 'watched'> {
    const watched = watchedPaths(this.#task.input.policy.reviewers);
    return watched.length === 0 ? {} : { watched };
  }

  delivered({ touched = [] }: Extract<Delivery, { kind: 'delivered' }>): void {
    this.#touched = touched;
  }

  async enter(headSha: string): Promise<void> {
    const engines = this.#reviewers().map(({ engine }) => engine);
    const on = `${engines.join(', ')} and CI at ${headSha}`;
    await this.#steps.enter('review-and-ci', { on, for: 'reviewer' });
  }

  /** A verdict of each reviewer on one head. */
  verdicts(headSha: string): Promise<Review>[] {
    return this.#reviewers().map((reviewer) => this.#verdict(reviewer, headSha));
  }

  #reviewers(): Reviewer[] {
    const { policy, task } = this.#task.input;
    const { reviewers } = policy;
    const { mends } = this.#task.findings;
    const read = this.#task.currentReviews().map(({ engine }) => engine);
    return reviewersOf({ reviewers, touched: this.#touched, labels: task.reviewLabels ?? [], mends, read });
  }

  /** No verdict is asked for again, then parked: it never counts as approval. */
  async #verdict(reviewer: Reviewer, headSha: string): Promise<Review> {
    const task = this.#task;
    const { engine } = reviewer;
    const standing = task.findings.standing(engine);
    if (standing) return standing;
    let again: Again = {};
    for (let launch = 1; ;) {
      const allowed = this.#launches.untilNextReview();
      if (allowed) await allowed;
      const sessionId = task.nextReviewSession(engine);
      const seat = this.#seatFor(engine, sessionId);
      const account = seat && (await seat).account;
      const input = this.#inputOf(reviewer, { sessionId, headSha, again });
      const outcome = await this.#steps.try(() =>
        call(this.#host.home.runs.review, `${engine} reads ${headSha}`, input),
      );
      await this.#launches.reviewEnded(outcome.session, account);
      const fault = outcome.kind === 'reviewed' ? verdictFault({ ...outcome, asked: input }) : outcome.reason;
      if (outcome.kind === 'reviewed' && fault === undefined) {
        task.reviewed(outcome.review);
        return outcome.review;
      }
      again = outcome.kind === 'reviewed' ? {} : this.#again(input, outcome);
      if (await this.#isShutOut(engine, outcome.session)) continue;
      if (launch % reviewLaunches === 0) await this.#steps.park(`no verdict: ${fault ?? ''}`);
      launch += 1;
    }
  }

  /** Undefined, not a promise, where it takes no seat. */
  #seatFor(engine: string, sessionId: string): Promise<Placed> | undefined {
    const request = this.#places.ofReader(engine, sessionId);
    return (
      request &&
      this.#places.until({
        request: () => request,
        before: () => this.#launches.untilNextReview(),
        show: (wait) => this.#show(engine, wait),
      })
    );
  }

  #inputOf(
    { engine, role }: Reviewer,
    { sessionId, headSha, again }: { sessionId: string; headSha: string; again: Again },
  ): ReviewInput {
    const task = this.#task;
    const { input, place } = task;
    const { sessionTimeoutSeconds: timeoutSeconds, stallSeconds = defaultStallSeconds } = input.policy;
    return {
      place,
      host: input.engine.host,
      sessionId,
      engine,
      task: input.task,
      pullRequest: task.view.pullRequest ?? 0,
      headSha,
      baseSha: task.baseSha,
      earlier: task.findings.known,
      ...task.budget.ofNextSession({ timeoutSeconds }),
      stallSeconds,
      ...(role === undefined ? {} : { role }),
      authors: authorsOf(task.view.sessions),
      ...again,
    };
  }

  /** Who has only answered in another form goes on with its conversation: it has read the change already. */
  #again(input: ReviewInput, { session, malformed }: Extract<ReviewOutcome, { kind: 'no-verdict' }>): Again {
    if (malformed === undefined) return input.malformed === undefined ? {} : { malformed: input.malformed };
    const conversation = session.agent?.conversation ?? undefined;
    if (conversation === undefined) return { malformed };
    const its = this.#task.view.sessions.flatMap(({ role, agent }) =>
      role === session.role && agent?.conversation === conversation ? agent : [],
    );
    const used = its.map(({ usage }) => usage).reduce(addUsage, noUsage);
    return { malformed, resumes: { conversation, used, session: input.resumes?.session ?? session.id } };
  }

  /** True: it has come to nothing for what a launch less would not change, and that is over now. */
  async #isShutOut(engine: string, session: SessionSummary): Promise<boolean> {
    const fault = modelFault({ session, sessions: this.#task.view.sessions, now: Date.now() });
    switch (fault?.kind) {
      case 'auth':
        await this.#steps.park(`${engine}: ${fault.reason}`, 'credentials');
        return true;
      case 'over-budget':
        return true;
      case 'closed':
      case 'failing':
        // The others read on meanwhile: the task waits for what is left.
        await this.#steps.waitUntil(fault.until, fault.on, (wait) => this.#show(engine, wait));
        return fault.kind === 'closed';
      default:
        return false;
    }
  }

  /** What one reviewer waits for; undefined: it reads. */
  #show(engine: string, wait: Waiting | undefined): void {
    this.#task.waits.meanwhile(engine, wait && { ...wait, on: `${engine}: ${wait.on}` });
  }
}
