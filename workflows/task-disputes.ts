import { ActivityFailure, isCancellation } from '@temporalio/workflow';
import { isReviewSession } from '../schema/contracts/names.ts';
import { disputeDecisions, placeOf, type KnownFinding } from '../schema/contracts/review.ts';
import type { Delivered, JudgeOutcome } from './ports.ts';
import { call } from './proxies.ts';
import { describeFailure } from './rules/describe-failure.ts';
import { isRuledOn } from './rules/findings.ts';
import { defaultStallSeconds } from './rules/model-fault.ts';
import { authorOf, authorsOf } from './rules/verdict.ts';
import type { TaskAsks } from './task-asks.ts';
import type { TaskHost } from './task-host.ts';
import type { TaskLaunches } from './task-launches.ts';
import { TaskPlaces } from './task-places.ts';
import type { TaskState } from './task-state.ts';
import type { TaskSteps } from './task-steps.ts';

/** A quota is closed, or the engine's program is gone: a person is there meanwhile. */
class ShutOut extends Error {}

const names = {
  uphold: 'it is to be mended',
  drop: 'it is none, and blocks no more',
  defer: 'not here: it gets a task of its own',
};

/** Ids are short; whoever writes something else in their place is told enough of it. */
const longestId = 40;
const idsTold = 5;

/** How it ends when author and reviewer disagree: somebody who is neither of them decides. */
export class TaskDisputes {
  readonly #task: TaskState;
  readonly #asks: TaskAsks;
  readonly #steps: TaskSteps;
  readonly #launches: TaskLaunches;
  readonly #host: TaskHost;
  readonly #places: TaskPlaces;

  constructor(of: {
    task: TaskState;
    asks: TaskAsks;
    steps: TaskSteps;
    launches: TaskLaunches;
    host: TaskHost;
  }) {
    this.#task = of.task;
    this.#asks = of.asks;
    this.#steps = of.steps;
    this.#launches = of.launches;
    this.#host = of.host;
    this.#places = new TaskPlaces(of);
  }

  /** What the author of a delivery says to what was found. What can't be understood is told, to its next session too. */
  heard({ answers = [], unreadAnswers, headSha: sha }: Delivered, session: string | null): void {
    if (session === null) return;
    const { findings } = this.#task;
    findings.answered(answers, { sha, by: session });
    if (unreadAnswers !== undefined) this.#misunderstood(session, `could not be read: ${unreadAnswers}`);
    const unknown = answers.filter(({ id }) => !findings.known.some((known) => known.id === id));
    if (unknown.length === 0) return;
    const ids = unknown.map(({ id }) => id.slice(0, longestId)).slice(0, idsTold);
    this.#misunderstood(session, `names what is no finding of this task: ${ids.join(', ')}`);
  }

  #misunderstood(session: string, why: string): void {
    const message = `what ${session} has answered to findings ${why}`;
    this.#task.tell('ignored', message);
    const feedback = `${message}. It counts for nothing: write the file anew, in the form that is asked for`;
    this.#task.tellNext({ gate: 'verify-delivery', message: feedback, findings: [], excerpt: null });
  }

  /** The policy's engine decides first, once for each; what is left is asked of a person, each by itself, all at once. */
  async untilSettled(headSha: string): Promise<void> {
    const { findings, input } = this.#task;
    const { disputes: engine } = input.policy;
    if (findings.disputed.length === 0) return;
    if (engine !== undefined) await this.#judge(engine, headSha);
    await Promise.all(findings.disputed.map((finding) => this.#ask(finding)));
  }

  /** An engine that is shut out, fails or answers in another form decides nothing. It is not asked again. */
  async #judge(engine: string, headSha: string): Promise<void> {
    const task = this.#task;
    const disputed = task.findings.disputed.filter((one) => one.engine !== engine && !isRuledOn(one));
    if (disputed.length === 0) return;
    const sessionId = task.nextReviewSession(engine);
    try {
      const { rulings, fault } = await this.#askEngine({ engine, sessionId, headSha, disputed });
      if (fault !== undefined) task.tell('ignored', `no ruling: ${fault}`);
      for (const { id, decision, because: why } of rulings)
        task.findings.decided(id, decision, { by: sessionId, why });
    } catch (error) {
      if (!(error instanceof ShutOut) && (isCancellation(error) || !(error instanceof ActivityFailure)))
        throw error;
      const why = error instanceof ActivityFailure ? describeFailure(error) : error.message;
      task.tell('ignored', `no ruling: ${engine}: ${why}`);
    }
    task.waitOn(undefined);
  }

  async #askEngine(of: {
    engine: string;
    sessionId: string;
    headSha: string;
    disputed: KnownFinding[];
  }): Promise<JudgeOutcome> {
    const { engine, sessionId, headSha, disputed } = of;
    const task = this.#task;
    const allowed = this.#launches.untilNextReview();
    if (allowed) await allowed;
    const account = await this.#accountFor(engine, sessionId);
    task.waitOn({ on: `${engine}, which decides what is disputed`, for: 'reviewer' });
    await this.#steps.record();
    if (task.held !== null) await this.#steps.untilGoOn();
    const { view, input, place, baseSha } = task;
    const authors = authorsOf(view.sessions);
    const { sessionTimeoutSeconds: timeoutSeconds, stallSeconds = defaultStallSeconds } = input.policy;
    const outcome = await call(this.#host.home.runs.judgeDisputes, `${engine} decides what is disputed`, {
      ...{ place, host: input.engine.host, sessionId, engine, task: input.task },
      ...{ headSha, baseSha, stallSeconds, disputed, authors },
      ...task.budget.ofNextSession({ timeoutSeconds }),
    });
    await this.#launches.reviewEnded(outcome.session, account);
    const own = authorOf(outcome.session, authors);
    return own === undefined ? outcome : { ...outcome, rulings: [], fault: `${engine} has worked in ${own}` };
  }

  /** Undefined where it takes no seat. */
  async #accountFor(engine: string, sessionId: string): Promise<string | null | undefined> {
    const request = this.#places.ofReader(engine, sessionId);
    if (!request) return undefined;
    const placement = await this.#places.look({
      request: () => request,
      before: () => this.#launches.untilNextReview(),
      show: (wait) => this.#task.waitOn(wait && { ...wait, on: `${engine}: ${wait.on}` }),
    });
    if (placement.kind === 'placed') return placement.account;
    throw new ShutOut(placement.kind === 'closed' ? `${placement.on} is closed` : placement.reason);
  }

  async #ask(finding: KnownFinding): Promise<void> {
    const task = this.#task;
    const { id, engine, message } = finding;
    const {
      option,
      by,
      note: why,
    } = await this.#asks.ask({
      id: `finding-${id}`,
      kind: 'conflict',
      title: `${engine} and the author disagree: ${message}`.slice(0, 300),
      detail: describeDispute(finding),
      options: disputeDecisions.map((decision) => ({ id: decision, name: names[decision] })),
    });
    const decision = disputeDecisions.find((one) => one === option);
    if (decision === undefined) throw new Error(`${option} is no decision on ${id}`);
    task.findings.decided(id, decision, { by, ...(why === undefined ? {} : { why }) });
  }
}

function describeDispute(finding: KnownFinding): string {
  const { severity, category, message, history } = finding;
  const said = history.findLast(({ what }) => what === 'disputed');
  const ruled = history.findLast(({ what, by }) => what === 'upheld' && isReviewSession(by));
  const ruling = ruled === undefined ? '' : `\nUpheld by ${ruled.by}: ${ruled.why ?? ''}`;
  return `${severity} (${category})${placeOf(finding)}: ${message}\nThe author (${said?.by ?? ''}): ${said?.why ?? ''}${ruling}`;
}
