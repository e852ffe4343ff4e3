import { addUsage, noUsage, runtimeName, type Usage } from '../schema/contracts/agent.ts';
import type { CiVerdict } from '../schema/contracts/ci.ts';
import type { Gate, TaskStatus, Waiting } from '../schema/contracts/gates.ts';
import { isEnded } from '../schema/contracts/gates.ts';
import {
  AmendedPolicy,
  Hold,
  MergeAnswer,
  type MergeRequest,
  type Resolution,
  type TaskInput,
  type TaskResult,
} from '../schema/contracts/messages.ts';
import { reviewRole, sessionId, taskBranch } from '../schema/contracts/names.ts';
import type { Policy } from '../schema/contracts/mission-file.ts';
import type { Program } from '../schema/contracts/plan.ts';
import type { EscalationKind } from '../schema/contracts/question.ts';
import type { Review } from '../schema/contracts/review.ts';
import type { SessionSummary } from '../schema/contracts/session.ts';
import type { ToldTask, Unparsed } from '../schema/contracts/told.ts';
import { initialTaskView, type NewEvent, type TaskView } from '../schema/contracts/views.ts';
import { News } from './news.ts';
import type { Delivered, Delivery, Feedback, TaskPlace } from './ports.ts';
import { describeAgent, describeWait } from './rules/details.ts';
import { programAfter } from './rules/choose-program.ts';
import { mergeRequestOf } from './rules/merge-request.ts';
import { blockFault } from './rules/questions.ts';
import { lastWordOn, redBaseOf, type LaneOutcome } from './rules/lane-answers.ts';
import { defaultNoProgress, doneInVain, type Attempt } from './rules/progress.ts';
import { TaskBudget } from './task-budget.ts';
import { TaskFindings } from './task-findings.ts';
import { TaskGoAheads } from './task-go-aheads.ts';
import { TaskQuestions } from './task-questions.ts';
import { TaskWaits } from './task-waits.ts';
import type { Rejection } from './rules/remediation.ts';

/** How much of the past a session is told: enough not to repeat it, little enough to read. */
const feedbackKept = 10;

/** Everything a task workflow remembers. Plain data and rules: it knows nothing of Temporal. */
export class TaskState {
  readonly input: TaskInput;
  readonly place: TaskPlace;
  readonly view: TaskView;
  readonly budget: TaskBudget;
  /** What an amendment of the mission may change for a task that runs. */
  policy: Pick<Policy, 'noProgress' | 'fallback'>;
  readonly questions: TaskQuestions;
  readonly findings: TaskFindings;
  readonly goAheads: TaskGoAheads;
  readonly waits: TaskWaits;
  /** Every head that the engine has put on the branch, or was about to: at any other it is somebody else's. */
  readonly heads = new Set<string>();
  /** Those of them that hold a change of before and its base, and nothing else. */
  readonly updates = new Set<string>();
  /** Where the next session's commits are judged against, as the last verified delivery found it. */
  baseSha = '';
  authorLaunches = 0;
  /** What later sessions are told of earlier ones, and by people. */
  feedback: Feedback[] = [];
  guidance: string[] = [];
  resolutions: Resolution[] = [];
  /** The lane's words on the request that is out. */
  laneAnswers: MergeAnswer[] = [];
  /** The newest pull request whose merge was reverted. */
  pullRequestsOver: number | undefined;
  /** Why no step may start: the mission is paused. */
  held: string | null = null;
  /** Where the head that is verified next comes from: a session, or the forge after somebody else's push. */
  headToVerify: 'session' | 'forge' = 'session';
  /** Whether sessions have left something where they ran that the forge does not have. */
  unpushed = false;
  /** Where the branch was last pushed to. */
  #pushed: string | null = null;
  /** What came of the author sessions that were verified. */
  #attempts: Attempt[] = [];
  #mergeRequests = 0;
  /** How often the author was sent back. */
  #remediations = 0;
  #verifications = 0;
  readonly #news: News;
  #launchesAllowed: number;
  readonly #failureCounts = new Map<string, number>();
  readonly #reviewLaunches = new Map<string, number>();
  readonly #now: () => number;

  constructor(input: TaskInput, now: () => number) {
    const { engine, mission, milestone, repository, task } = input;
    this.input = input;
    this.policy = input.policy;
    this.#now = now;
    this.#news = new News(now);
    this.#launchesAllowed = input.policy.sessions;
    this.place = {
      tenant: engine.tenant,
      mission,
      task: task.id,
      repository,
      branch: taskBranch({ mission, task: task.id }),
    };
    this.view = initialTaskView({ mission, milestone, id: task.id, title: task.title });
    this.view.status = 'running';
    this.budget = new TaskBudget(input, this.view.sessions);
    this.questions = new TaskQuestions({ view: this.view, policy: input.policy.questions, now });
    this.findings = new TaskFindings(this.view, input.policy);
    this.goAheads = new TaskGoAheads(this, now);
    this.waits = new TaskWaits(this, now);
  }

  enter(gate: Gate, wait?: Waiting): void {
    this.view.gate = gate;
    this.tell('gate-entered', wait ? `${gate}: ${describeWait(wait)}` : gate);
    this.waits.enter(wait);
  }

  /** A wait within a gate, or the end of one. */
  waitOn(wait: Waiting | undefined): void {
    this.waits.waitOn(wait);
  }

  tell(type: NewEvent['type'], message: string): void {
    this.#news.tell(type, message);
  }

  takeNews(): { seq: number; events: NewEvent[] } {
    this.view.asked = this.questions.past;
    return this.#news.take(this.view);
  }

  /** All that the read model has been told by this run. */
  told(): Unparsed<ToldTask> {
    const { engine, mission } = this.input;
    return { tenant: engine.tenant, host: engine.host, mission, ...this.#news.told };
  }

  hold(raw: unknown): void {
    const hold = Hold.safeParse(raw);
    this.held = hold.success ? `paused by ${hold.data.by}` : 'paused';
  }

  goOn(): void {
    this.held = null;
  }

  /** The mission's policy was amended. */
  hearPolicy(raw: unknown): void {
    const amended = AmendedPolicy.safeParse(raw);
    if (!amended.success) return this.tell('ignored', 'an amended policy that is malformed');
    const { noProgress, fallback } = amended.data;
    this.policy = {
      ...(noProgress === null ? {} : { noProgress }),
      ...(fallback === null ? {} : { fallback }),
    };
    this.budget.amended(amended.data);
  }

  mayLaunch(): boolean {
    return this.authorLaunches < this.#launchesAllowed;
  }

  /** What the next author session will be called. */
  get upcoming(): { sessionId: string; launch: number } {
    const { mission, task } = this.place;
    const launch = this.authorLaunches + 1;
    return { sessionId: sessionId({ mission, task, role: 'author', launch }), launch };
  }

  nextAuthorSession(): { sessionId: string; launch: number } {
    const { upcoming } = this;
    this.authorLaunches = upcoming.launch;
    this.unpushed = true;
    return upcoming;
  }

  /** Each verification runs the checks anew: a red one may have been the machine's fault. */
  nextVerification(): number {
    this.#verifications += 1;
    return this.#verifications;
  }

  nextReviewSession(engine: string): string {
    const launch = (this.#reviewLaunches.get(engine) ?? 0) + 1;
    this.#reviewLaunches.set(engine, launch);
    const { mission, task } = this.place;
    return sessionId({ mission, task, role: reviewRole(engine), launch });
  }

  sessionEnded(session: SessionSummary): void {
    this.view.sessions.push(session);
    this.waits.show();
    const code = session.exitCode === null ? '' : ` with exit code ${session.exitCode}`;
    this.tell('session-ended', `${session.id} ${session.end}${code}${describeAgent(session)}`);
  }

  /**
   * The conversation that the next session of this runtime goes on with, and what it was seen to use. It lies on the
   * host where the last one was.
   */
  resumesOf(runtime: string, host: string): { conversation: string; used: Usage } | undefined {
    const own = this.view.sessions.filter(
      (session) => session.role === 'author' && session.runtime === runtime,
    );
    const last = own.at(-1);
    const conversation = last?.agent?.conversation ?? undefined;
    if (conversation === undefined || last?.host !== host) return undefined;
    const reports = own.flatMap(({ agent }) => agent ?? []);
    const its = reports.filter((report) => report.conversation === conversation);
    return { conversation, used: its.map(({ usage }) => usage).reduce(addUsage, noUsage) };
  }

  /** What the next author session runs, unless it is shut out. */
  get program(): Program {
    const { program } = this.input.task;
    const { stronger } = this.input.policy;
    return programAfter({ program, stronger, remediations: this.#remediations });
  }

  describeStandIn(program: Program): string {
    const own = runtimeName(this.program);
    const runtime = runtimeName(program);
    return runtime === own ? '' : ` with ${runtime}, while ${own} is shut out`;
  }

  /** Where a session that was verified has left the branch. */
  attempted(delivery: Delivery): void {
    const last = this.view.sessions.findLast(({ role }) => role === 'author');
    const head = 'headSha' in delivery ? (delivery.headSha ?? null) : null;
    this.#attempts.push({ done: last?.agent?.outcome === 'done', head });
  }

  /** Why another session would likely come to nothing. */
  stuck(): string | undefined {
    const inVain = doneInVain(this.#attempts);
    if (inVain < (this.policy.noProgress ?? defaultNoProgress)) return undefined;
    const head = this.#attempts.at(-1)?.head;
    const where = head == null ? 'without a commit' : `at ${head}`;
    return `no progress: ${inVain} sessions in a row said that they were done and left the branch ${where}`;
  }

  /** A launch that a closed quota has cost, or a lost host, is not the task's. */
  giveBackLaunch(): void {
    this.#launchesAllowed += 1;
  }

  /** A new head voids approvals, CI verdict and go-ahead: they were for another commit. */
  delivered(of: Omit<Delivered, 'kind'>): void {
    this.baseSha = of.baseSha;
    this.goAheads.delivered(of);
    this.heads.add(of.headSha);
    this.tell('delivered', `${of.commits} commits, head ${of.headSha}`);
    if (this.view.headSha === of.headSha) return;
    this.view.headSha = of.headSha;
    this.view.ci = null;
    this.goAheads.void();
  }

  pushed(headSha: string): void {
    this.unpushed = false;
    this.#pushed = headSha;
  }

  /** What was not pushed from a host is out of reach: whoever goes on elsewhere begins where the forge has the branch. */
  leaveBehind(reason: string): void {
    if (!this.unpushed) return;
    this.unpushed = false;
    this.view.headSha = this.#pushed;
    const at = this.#pushed === null ? 'nothing had been pushed' : `${this.#pushed} had been pushed`;
    const message = `${reason}: work that was not pushed stays there; ${at}`;
    this.tell('sent-back', message);
    this.tellNext({ gate: 'implement', message, findings: [], excerpt: null });
  }

  reviewed(review: Review): void {
    this.findings.reviewed(review);
    this.tell('reviewed', `${review.engine}: ${review.verdict} at ${review.sha}: ${review.summary}`);
  }

  /** The verdicts that count: those of this very head. */
  currentReviews(): Review[] {
    return this.view.reviews.filter((review) => review.sha === this.view.headSha);
  }

  /** Notes failures and what the next session is to know of them. Answers how often each has been seen. */
  sentBack(rejections: readonly Rejection[]): ReadonlyMap<string, number> {
    this.#remediations += 1;
    for (const { failure, feedback } of rejections) {
      const seen = this.#failureCounts.get(failure.signature) ?? 0;
      this.#failureCounts.set(failure.signature, seen + 1);
      this.view.failures.push(failure);
      this.tell('sent-back', failure.message);
      this.tellNext(feedback);
    }
    return this.#failureCounts;
  }

  tellNext(feedback: Feedback): void {
    this.feedback = [...this.feedback, feedback].slice(-feedbackKept);
  }

  block(reason: string, about: EscalationKind = 'remediation'): void {
    Object.assign(this.view, { status: 'blocked', reason, blocked: { about, at: this.#now() } });
    this.tell('blocked', reason);
    this.waits.show();
  }

  /** An answer given: failures are counted anew, since a person has looked at them. */
  unblock(resolution: Resolution): void {
    this.questions.resolved(resolution);
    Object.assign(this.view, { status: 'running', reason: null, blocked: null });
    this.waits.show();
    this.#failureCounts.clear();
    this.#attempts = this.#attempts.slice(-1).map((attempt) => ({ ...attempt, done: false }));
    this.#launchesAllowed = this.authorLaunches + this.input.policy.sessions;
    this.tell('resolved', `${resolution.action} by ${resolution.by}`);
  }

  resolve(resolution: Resolution): undefined {
    if (resolution.guidance !== undefined) this.guidance.push(`${resolution.by}: ${resolution.guidance}`);
    this.resolutions.push(resolution);
  }

  resolutionFault(resolution: Resolution): string | undefined {
    const { view, place, questions } = this;
    return blockFault({ view, mission: place.mission, past: questions.past, resolution });
  }

  nextMergeRequest(workflowId: string): MergeRequest {
    const { view, place, input } = this;
    if (view.headSha === null || view.pullRequest === null) throw new Error('nothing is ready to be merged');
    this.#mergeRequests += 1;
    const id = `${workflowId}#${this.#mergeRequests}`;
    const { headSha, pullRequest } = view;
    const reviews = this.currentReviews();
    return mergeRequestOf({ id, workflowId, input, branch: place.branch, headSha, pullRequest, reviews });
  }

  hearLane(raw: unknown): void {
    const answer = MergeAnswer.safeParse(raw);
    if (!answer.success) return this.tell('ignored', 'an answer of the lane that is malformed');
    this.laneAnswers.push(answer.data);
    // A head that has moved was moved by somebody else.
    if (answer.data.kind === 'head-moved' || !('headSha' in answer.data)) return;
    const { headSha } = answer.data;
    if (headSha !== undefined && headSha !== this.view.headSha) this.broughtUp(headSha);
  }

  /** The engine has brought the branch up to its base. */
  broughtUp(headSha: string): void {
    this.heads.add(headSha);
    this.updates.add(headSha);
  }

  laneOutcome(id: string): LaneOutcome | undefined {
    return lastWordOn(id, this.laneAnswers);
  }

  redBase(id: string): string | undefined {
    return redBaseOf(id, this.laneAnswers);
  }

  /** The newest verdict on the base branch at the merge commit. */
  mergeVerdict(): { verdict: CiVerdict; green: boolean } | undefined {
    return this.laneAnswers.findLast((answer) => answer.kind === 'verified');
  }

  merged(answer: { headSha: string; mergeSha: string }): void {
    this.view.headSha = answer.headSha;
    this.view.mergeSha = answer.mergeSha;
    this.prove({ merge: { sha: answer.mergeSha, at: this.#now() } });
    this.tell('merged', `${answer.headSha} as ${answer.mergeSha}`);
  }

  prove(evidence: TaskView['evidence']): void {
    this.view.evidence = { ...this.view.evidence, ...evidence };
  }

  /** What the lane has taken back; undefined while the merge stands. */
  revert(): { revertSha: string; reason: string } | undefined {
    return this.laneAnswers.findLast((answer) => answer.kind === 'reverted');
  }

  /** The merge is undone: what comes next is a pull request of its own. */
  reverted(revertSha: string): void {
    this.tell('sent-back', `the merge ${this.view.mergeSha ?? ''} was reverted as ${revertSha}`);
    this.pullRequestsOver = this.view.pullRequest ?? undefined;
    this.laneAnswers = [];
    Object.assign(this.view, { mergeSha: null, mergeCi: null, pullRequest: null, evidence: {} });
    this.goAheads.void();
  }

  /** Somebody else has pushed: that head is verified next, and the go-ahead was for another. */
  headMoved(message: string): void {
    this.headToVerify = 'forge';
    this.goAheads.void();
    this.tell('sent-back', message);
  }

  end(status: TaskStatus, reason: string | null): TaskResult {
    if (!isEnded(status)) throw new Error(`${status} is no end of a task`);
    this.questions.end();
    Object.assign(this.view, { status, reason, endedAt: this.#now() });
    this.waits.show();
    this.tell('task-ended', reason === null ? status : `${status}: ${reason}`);
    const { mergeSha, pullRequest } = this.view;
    const isMerged = mergeSha !== null && pullRequest !== null;
    const merged = isMerged ? { pullRequest, ...this.findings.deferred } : {};
    return { task: this.place.task, status, mergeSha, reason, used: this.budget.used, ...merged };
  }
}
