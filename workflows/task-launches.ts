import { patched } from '@temporalio/workflow';
import { isAgent, runtimeName } from '../schema/contracts/agent.ts';
import { defaultPriority } from '../schema/contracts/mission-file.ts';
import type { Program } from '../schema/contracts/plan.ts';
import type { SessionSummary } from '../schema/contracts/session.ts';
import type { PlaceRequest } from './ports.ts';
import { chooseProgram, withStandIns } from './rules/choose-program.ts';
import { failureOf } from './rules/describe-failure.ts';
import { modelFault, quotaOpensAt } from './rules/model-fault.ts';
import type { HostLost, TaskHost } from './task-host.ts';
import { TaskPlaces } from './task-places.ts';
import type { TaskState } from './task-state.ts';
import type { TaskSteps } from './task-steps.ts';
import { tellUsed } from './tell-used.ts';

/** An author session that may start. */
export interface Launch {
  sessionId: string;
  launch: number;
  program: Program;
  /** Whose limits it uses, where it was placed. */
  account: string | null;
  startedAt: number;
}

/** What stands between one session and the next: what is used up, and what is closed. */
export class TaskLaunches {
  readonly #task: TaskState;
  readonly #steps: TaskSteps;
  readonly #host: TaskHost;
  readonly #places: TaskPlaces;
  /** Runtimes that were rate-limited, and when their windows open: of missions whose sessions are not placed. */
  readonly #closed = new Map<string, number>();
  /** The session that has not ended yet. */
  #underWay: Launch | undefined;
  #reviewable: Promise<void> | undefined;

  constructor(of: { task: TaskState; steps: TaskSteps; host: TaskHost }) {
    this.#task = of.task;
    this.#steps = of.steps;
    this.#host = of.host;
    this.#places = new TaskPlaces(of);
  }

  /** Waits until another session may be launched. Answers what it is to run; where, the task's host knows. */
  async untilNext(): Promise<Launch> {
    const { program, account } = this.#isPlaced()
      ? await this.#untilPlaced()
      : { program: await this.#untilOpen(), account: null };
    this.#underWay = { ...this.#task.nextAuthorSession(), program, account, startedAt: Date.now() };
    return this.#underWay;
  }

  /** Programs that are no agents, and ask for nothing, run where the engine is. */
  #isPlaced(): boolean {
    const { engine, task } = this.#task.input;
    return engine.placement === true && (isAgent(task.program) || task.labels !== undefined);
  }

  /** A host with a free slot, and a seat in its account. */
  async #untilPlaced(): Promise<{ program: Program; account: string | null }> {
    const task = this.#task;
    const placed = await this.#places.until({
      request: () => this.#placeRequest(),
      before: () => this.#untilAllowed(),
      show: (wait) => task.waitOn(wait),
    });
    const { host } = placed;
    if (host !== this.#host.name) task.leaveBehind(`the task goes on on ${host}, not on ${this.#host.name}`);
    this.#host.moveTo(placed);
    return placed;
  }

  #placeRequest(): PlaceRequest {
    const { input, place, unpushed, upcoming, program } = this.#task;
    const { engine, policy, task } = input;
    const { mission, repository } = place;
    return {
      engine,
      place: { mission, task: place.task, repository },
      sessionId: upcoming.sessionId,
      programs: withStandIns(program, this.#task.policy.fallback),
      labels: task.labels ?? [],
      current: this.#host.name,
      unpushed,
      priority: policy.priority ?? defaultPriority,
    };
  }

  /** Runs a session, and waits before where its host's disk is short: the next sweep makes room, or a person does. */
  async withRoom(run: () => Promise<SessionSummary>): Promise<SessionSummary> {
    for (;;) {
      try {
        return await run();
      } catch (error) {
        const short = failureOf(error, 'DiskShort');
        if (short === undefined) throw error;
        const task = this.#task;
        const on = `room on the disk of ${this.#host.name}: ${short}`;
        task.waits.meanwhile('author', { on, for: 'engine' });
        try {
          await this.#steps.record();
          await this.#host.call(({ waits }) => waits.awaitRoom, on, undefined);
        } finally {
          task.waits.meanwhile('author', undefined);
        }
      }
    }
  }

  async #untilOpen(): Promise<Program> {
    for (;;) {
      await this.#untilAllowed();
      const { program } = this.#task;
      const { fallback = [] } = this.#task.policy;
      const choice = chooseProgram({ program, fallback, closed: this.#closed, now: Date.now() });
      if (choice.kind === 'open') return choice.program;
      const { host } = this.#task.input.engine;
      await this.#steps.waitUntil(choice.until, `the quota of ${choice.runtime} on ${host}`);
    }
  }

  async #untilAllowed(): Promise<void> {
    const task = this.#task;
    while (!task.mayLaunch())
      await this.#steps.park(`all ${task.authorLaunches} sessions of the task are used up`, 'budget');
    const stuck = task.stuck();
    if (stuck !== undefined) await this.#steps.park(stuck);
    await this.#untilAffordable('author');
  }

  /**
   * Why a reviewer may not be launched yet, as a wait; undefined, not a promise, where it may: in recorded histories
   * its launch follows at once. Reviewers who stand side by side wait for one answer.
   */
  untilNextReview(): Promise<void> | undefined {
    if (this.#task.budget.usedUp({ next: 'review' }) === undefined) return undefined;
    // Reviews of older tasks went on when the budget was used up.
    if (!patched('reviews-within-budget')) return undefined;
    this.#reviewable ??= this.#untilAffordable('review').finally(() => (this.#reviewable = undefined));
    return this.#reviewable;
  }

  async #untilAffordable(next: 'author' | 'review'): Promise<void> {
    const { budget } = this.#task;
    for (let used = budget.usedUp({ next }); used !== undefined; used = budget.usedUp({ next })) {
      await this.#steps.park(used, 'budget');
      // It may have been raised meanwhile: then nothing has to be forgiven.
      if (budget.usedUp({ next }) !== undefined) budget.allowAgain();
    }
  }

  /** Notes an author's session, and tells the mission what it has used where a budget is shared. */
  async ended(session: SessionSummary): Promise<void> {
    const account = this.#underWay?.account ?? null;
    this.#underWay = undefined;
    await this.#note(session, account);
  }

  /**
   * The same of a reviewer's; `account` is that of its seat, and undefined where it took none. Whoever waits for the
   * seat hears of it at once, since another reviewer of this very task may.
   */
  async reviewEnded(session: SessionSummary, account: string | null | undefined): Promise<void> {
    await this.#note(session, account ?? null);
    if (account !== undefined) await this.#steps.record();
  }

  async #note(session: SessionSummary, account: string | null): Promise<void> {
    this.#task.sessionEnded(account === null ? session : chargedTo(account, session));
    await tellUsed(this.#task);
  }

  /** What was under way on a host that is gone is nobody's failure: it is done again elsewhere. */
  async hostLost({ host, message }: HostLost): Promise<void> {
    const task = this.#task;
    if (this.#underWay) {
      const { sessionId: id, program, startedAt } = this.#underWay;
      const runtime = runtimeName(program);
      const common = { id, role: 'author', runtime, host, startedAt, endedAt: Date.now() };
      await this.ended({ ...common, end: 'lost', exitCode: null });
    }
    if (task.unpushed) task.giveBackLaunch();
    // A head that the forge had already is only looked at again.
    else task.headToVerify = 'forge';
    task.leaveBehind(message);
    this.#host.moveHome();
  }

  /** True: the session has failed for nothing that it did. */
  async waitForModel(session: SessionSummary): Promise<boolean> {
    const task = this.#task;
    const fault = modelFault({ session, sessions: task.view.sessions, now: Date.now() });
    switch (fault?.kind) {
      case 'auth':
        await this.#steps.park(fault.reason, 'credentials');
        return true;
      case 'over-budget':
        return true;
      case 'closed':
        task.giveBackLaunch();
        // Other tasks of the account must know before anything else is placed.
        if (this.#isPlaced()) await this.#steps.record();
        this.#closed.set(session.runtime, fault.until);
        return true;
      case 'failing':
        await this.#steps.waitUntil(fault.until, fault.on);
        return false;
      default:
        return false;
    }
  }
}

/** With its account, and until when that was found to be closed: then nobody else tries it. */
function chargedTo(account: string, session: SessionSummary): SessionSummary {
  const { agent } = session;
  if (agent?.outcome !== 'rate-limited') return { ...session, account };
  return { ...session, account, closedUntil: quotaOpensAt({ report: agent, now: Date.now() }) };
}
