import { Context } from '@temporalio/activity';
import type { CiVerdict, CiWait } from '../../schema/contracts/ci.ts';
import type { Program } from '../../schema/contracts/plan.ts';
import type { HostState } from '../../schema/contracts/host.ts';
import type { Breach } from '../../schema/contracts/law.ts';
import type { MergeRequest } from '../../schema/contracts/messages.ts';
import { reviewRole } from '../../schema/contracts/names.ts';
import type { KnownFinding, Review, ReviewAnswer, Ruling } from '../../schema/contracts/review.ts';
import type { SessionSummary } from '../../schema/contracts/session.ts';
import type { NewEvent, TaskView } from '../../schema/contracts/views.ts';
import { refused, stillWaiting } from '../../activities/failures.ts';
import { identify, restsOnNothing } from '../../workflows/rules/findings.ts';
import type { ControlActivities } from '../../workers/activities.ts';
import type {
  Delivery,
  Feedback,
  HostActivities,
  MilestoneVerdict,
  Placement,
  PlaceRequest,
  ReviewOutcome,
  RunSessionInput,
  TaskPlace,
} from '../../workflows/ports.ts';
import { approval, report, sha, summary, type Work } from './fake-sessions.ts';

export { approval, objection, report, sha, usage, type Work } from './fake-sessions.ts';

interface FakePullRequest {
  number: number;
  branch: string;
  state: 'open' | 'merged' | 'closed';
  merge?: { headSha: string; mergeSha: string };
}

/**
 * A forge, a CI, agents and reviewers in memory, with the state that real ones have: branches, a base that moves,
 * verdicts for each commit. Tests set how agents and reviewers behave, and read what has become of the world.
 */
export class FakeWorld {
  base = sha('base');
  readonly branches = new Map<string, string>();
  /** What each head holds of the base: an update puts the present base there. */
  readonly testedOn = new Map<string, string>();
  readonly issues = new Map<string, { number: number; state: 'open' | 'closed' }>();
  readonly pullRequests: FakePullRequest[] = [];
  readonly merges: { task: string; headSha: string; baseSha: string }[] = [];
  readonly verdicts = new Map<string, CiVerdict>();
  /** The tasks that were tested together, each time, and what comes of them. */
  readonly batches: string[][] = [];
  batchVerdict: (tasks: string[]) => CiVerdict = () => 'passed';
  /** The commits that CI was asked for, each time. */
  readonly tested: string[] = [];
  /** Commits that all pipelines leave out. */
  readonly leftOut = new Set<string>();
  readonly sessions: {
    task: string;
    launch: number;
    feedback: Feedback[];
    guidance: string[];
    findings: KnownFinding[];
    resumes: RunSessionInput['resumes'];
    handoff: RunSessionInput['handoff'];
    runtime: string;
    program: Program;
    host: string;
    limits: RunSessionInput['limits'];
    timeoutSeconds: number;
  }[] = [];
  /** What people have answered agents, and on which queue. */
  readonly answers: { question: string; option: string; queue: string }[] = [];
  readonly stopped: string[] = [];
  readonly cleaned: string[] = [];
  readonly events: (NewEvent & { task: string | null })[] = [];
  readonly views = new Map<string, TaskView>();
  /** How many sessions live at this moment, and the most that ever did. */
  live = 0;
  mostLive = 0;

  author: (of: { task: string; launch: number; findings: KnownFinding[] }) => Work | Promise<Work> = ({
    task,
    launch,
  }) => ({
    kind: 'commit',
    name: `${task}.${launch}`,
  });
  /** Whether every change touches what two persons must agree to. */
  needsTwo = false;
  /** Called when the engine is about to push. */
  beforePush: () => void = () => undefined;
  /** The files of a head. Without it: each has its own. */
  treeOf: (headSha: string) => string = (headSha) => headSha;
  /** Which laws a head breaks. */
  breaches: (headSha: string) => Omit<Breach, 'sha'>[] = () => [];
  reviewer: (of: {
    engine: string;
    task: string;
    headSha: string;
    earlier: KnownFinding[];
  }) => ReviewAnswer | 'garbage' = () => approval;
  /** What the engine that decides disputes says of them. */
  judge: (disputed: KnownFinding[]) => Ruling[] | 'garbage' = () => 'garbage';
  /** What a review comes back as. */
  reviewed: (review: Review, session: SessionSummary) => { review: Review; session: SessionSummary } = (
    review,
    session,
  ) => ({ review, session });
  /** Where a session may start, whenever it is asked. */
  placement: (request: PlaceRequest) => Placement = ({ programs, current }) => {
    const [program = { runtime: 'script', text: 'true' }] = programs;
    return { kind: 'placed', host: current, leaseSeconds: null, program, account: null };
  };
  readonly hostStates = new Map<string, HostState>();
  /** What a milestone's own checks come to. */
  milestoneVerdict: () => MilestoneVerdict = () => ({ kind: 'green' });
  /** Milestones as the forge has them, by id; `opened` counts its tasks at the start. */
  readonly milestones = new Map<string, { state: 'open' | 'closed'; opened: number }>();
  readonly releases: { tag: string; sha: string; notes: string }[] = [];
  /** The forge does not answer whoever closes a milestone. */
  refusesToClose = false;
  /** Called when the lane has checked everything and is about to merge, and when the forge has merged. */
  beforeMerge: (request: MergeRequest) => void | Promise<void> = () => undefined;
  afterMerge: (request: MergeRequest) => void = () => undefined;
  /** What a CI that is pending is waited for, where that stays in its process. */
  late: string | undefined;
  /** A commit of which CI can't be asked. */
  unverifiable: string | undefined;
  /** Called as the lane brings a branch up to the base. */
  conflicts: (request: MergeRequest) => string[] | Promise<string[]> = () => [];
  #commits = 0;
  readonly #work = new Map<string, Work>();
  readonly #trees = new Map<string, string>();

  view(task: string): TaskView {
    const view = this.views.get(task);
    if (!view) throw new Error(`nothing was recorded of ${task}`);
    return view;
  }

  /** Somebody pushes to a branch, behind the engine's back. */
  push(branch: string, name: string): string {
    const head = sha(name);
    this.branches.set(branch, head);
    this.testedOn.set(head, this.base);
    return head;
  }

  moveBase(): void {
    this.#commits += 1;
    this.base = sha(`base${this.#commits}`);
  }

  verdictOf(commit: string): CiVerdict {
    return this.verdicts.get(commit) ?? 'passed';
  }

  control(): Omit<ControlActivities, 'requestMerge' | 'isOpen'> {
    return {
      recordMission: async ({ events }) => {
        this.events.push(...events.map((event) => ({ ...event, task: null })));
      },
      recordTask: async ({ view, events }) => {
        this.views.set(view.id, view);
        this.events.push(...events.map((event) => ({ ...event, task: view.id })));
      },
      placeSession: async (request) => this.placement(request),
      awaitPlace: async (request) => {
        for (;;) {
          const placement = this.placement(request);
          if (placement.kind !== 'full') return placement;
          Context.current().heartbeat();
          await Context.current().sleep(100);
        }
      },
      stateOfHost: async ({ host }) => ({ state: this.hostStates.get(host) }),
      openIssue: async ({ place }) => this.#openIssue(place.task),
      openMilestones: async ({ milestones }) => {
        for (const { id, tasks } of milestones) {
          this.milestones.set(id, { state: 'open', opened: tasks.length });
          for (const task of tasks) this.#openIssue(task.id);
        }
      },
      closeMilestone: async ({ milestone, release }) => {
        if (this.refusesToClose) throw refused('no right to close milestones');
        const standing = this.milestones.get(milestone.id) ?? { opened: 0 };
        this.milestones.set(milestone.id, { ...standing, state: 'closed' });
        if (!release) return { tag: null };
        const { tag, sha, notes } = release;
        if (!this.releases.some((one) => one.tag === tag)) this.releases.push({ tag, sha, notes });
        return { tag };
      },
      closeIssue: async ({ place, number }) => {
        this.issues.set(place.task, { number, state: 'closed' });
      },
      openPullRequest: async ({ place, after = 0 }) => {
        const standing = this.pullRequests.find(
          ({ number, branch, state }) => branch === place.branch && state !== 'closed' && number > after,
        );
        if (standing) return { number: standing.number };
        const number = 100 + this.pullRequests.length;
        this.pullRequests.push({ number, branch: place.branch, state: 'open' });
        return { number };
      },
      tidyForge: async ({ place, headSha, earlierHeads = [], pullRequest }) => {
        const open = this.pullRequests.find(
          ({ number, state }) => number === pullRequest && state === 'open',
        );
        if (open) open.state = 'closed';
        const head = this.branches.get(place.branch);
        if (head === headSha || earlierHeads.some((earlier) => earlier === head)) {
          this.branches.delete(place.branch);
        }
      },
      awaitCi: async ({ sha: commit, ci }) => {
        this.tested.push(commit);
        if (commit === this.unverifiable) throw refused('no right to read statuses');
        if (this.leftOut.has(commit)) {
          const verdict = ci?.pathsIgnored === 'accept' ? 'skipped' : 'none-yet';
          return { sha: commit, verdict, contexts: [], leftOutBy: ['.gitea/workflows/test.yaml'] };
        }
        while (this.late !== undefined && this.verdictOf(commit) === 'pending') {
          Context.current().heartbeat({ waitsFor: this.late } satisfies CiWait);
          await Context.current().sleep(100);
        }
        const verdict = this.verdictOf(commit);
        if (verdict === 'pending' || verdict === 'none-yet')
          throw stillWaiting('CiPending', `CI is ${verdict}`);
        const contexts = [
          { name: 'ci/test', state: verdict === 'failed' ? ('failed' as const) : ('passed' as const) },
        ];
        const failsToo =
          verdict === 'failed' && commit !== this.base && this.verdictOf(this.base) === 'failed';
        return { sha: commit, verdict, contexts, ...(failsToo ? { failsOnBase: ['ci/test'] } : {}) };
      },
      guardQueue: async ({ mustBeGreen }) => {
        while (mustBeGreen && this.verdictOf(this.base) !== 'passed') {
          Context.current().heartbeat();
          await Context.current().sleep(100);
        }
        return { baseSha: this.base, verdict: this.verdictOf(this.base) };
      },
      updateBranch: async ({ request, headSha, covered }) => {
        if (covered && covered.baseSha !== this.base) return { kind: 'not-covered' };
        const { merge } = this.pullRequests.find(({ number }) => number === request.pullRequest) ?? {};
        if (merge) return { kind: 'merged', ...merge, baseSha: this.base };
        const head = this.branches.get(request.branch) ?? null;
        if (head !== headSha) return { kind: 'head-moved', headSha: head };
        if (covered && covered.tree !== `${this.#treeOf(this.base)}+${request.headSha}`) {
          return { kind: 'not-covered' };
        }
        if (this.testedOn.get(headSha) === this.base) {
          return { kind: 'ready', headSha, baseSha: this.base, updated: headSha !== request.headSha };
        }
        const files = await this.conflicts(request);
        if (files.length > 0) return { kind: 'conflict', files };
        const updated = this.push(request.branch, `${request.task}^${this.merges.length}`);
        return { kind: 'ready', headSha: updated, baseSha: this.base, updated: true };
      },
      openBatch: async ({ requests, baseSha }) => {
        if (this.base !== baseSha) return { kind: 'not-possible', reason: 'the base has moved' };
        let tree = this.#treeOf(baseSha);
        const trees = requests.map(({ id, headSha }) => ({ id, tree: (tree = `${tree}+${headSha}`) }));
        const tasks = requests.map((request) => request.task);
        this.batches.push(tasks);
        const headSha = this.push('batch', `batch${this.batches.length}`);
        this.verdicts.set(headSha, this.batchVerdict(tasks));
        return { kind: 'opened', branch: 'batch', headSha, trees };
      },
      openRevert: async ({ request }) => {
        const branch = `mission-revert/${request.task}`;
        const headSha = this.push(branch, `${request.task}~${this.merges.length}`);
        const number = 100 + this.pullRequests.length;
        this.pullRequests.push({ number, branch, state: 'open' });
        return { kind: 'opened', branch, headSha, baseSha: this.base, pullRequest: number };
      },
      findRevert: async ({ request }) => {
        const branch = `mission-revert/${request.task}`;
        const found = this.pullRequests.find((one) => one.branch === branch && one.merge !== undefined);
        if (!found?.merge) return { kind: 'not-merged' };
        const { headSha, mergeSha } = found.merge;
        return { kind: 'merged', branch, headSha, pullRequest: found.number, revertSha: mergeSha };
      },
      merge: async ({ request, headSha, baseSha }) => {
        await this.beforeMerge(request);
        const pullRequest = this.pullRequests.find(({ number }) => number === request.pullRequest);
        if (pullRequest?.state === 'closed') return { kind: 'closed' };
        const head = this.branches.get(request.branch) ?? null;
        if (head !== headSha) return { kind: 'head-moved', headSha: head };
        if (this.base !== baseSha) return { kind: 'base-moved' };
        this.merges.push({ task: request.task, headSha, baseSha });
        this.base = sha(`m${this.merges.length}`);
        const mergeSha = this.base;
        this.#trees.set(mergeSha, `${this.#treeOf(baseSha)}+${request.headSha}`);
        if (pullRequest) Object.assign(pullRequest, { state: 'merged', merge: { headSha, mergeSha } });
        this.afterMerge(request);
        return { kind: 'merged', mergeSha };
      },
    };
  }

  host(): HostActivities {
    return {
      runSession: async ({ place, sessionId, launch, feedback, guidance, host, resumes, ...more }) => {
        const { limits, timeoutSeconds, handoff, findings = [] } = more;
        const { program } = more.task;
        const { runtime } = program;
        const told = { resumes, handoff, runtime, program, host, limits, timeoutSeconds };
        this.sessions.push({ task: place.task, launch, feedback, guidance, findings, ...told });
        this.live += 1;
        this.mostLive = Math.max(this.mostLive, this.live);
        try {
          const work = await this.author({ task: place.task, launch, findings });
          this.#work.set(sessionId, work);
          const end = work.kind === 'ends' ? work.end : 'exited';
          const exitCode = work.kind === 'ends' ? (work.exitCode ?? null) : 0;
          const agent = 'agent' in work ? { agent: report(work.agent) } : {};
          return { ...summary({ id: sessionId, role: 'author', host, end, exitCode }), runtime, ...agent };
        } finally {
          this.live -= 1;
        }
      },
      awaitRoom: () => Promise.resolve(),
      verifyDelivery: async ({ place, sessionId }) => this.#judge(place, sessionId),
      verifyMilestone: async () => this.milestoneVerdict(),
      pushBranch: async ({ place, headSha }) => {
        this.beforePush();
        this.branches.set(place.branch, headSha);
        return { kind: 'pushed' };
      },
      review: async ({ engine, place, headSha, sessionId, host, earlier = [] }): Promise<ReviewOutcome> => {
        const answer = this.reviewer({ engine, task: place.task, headSha, earlier });
        const session = summary({
          id: sessionId,
          role: reviewRole(engine),
          host,
          end: 'exited',
          exitCode: 0,
        });
        if (answer === 'garbage') return { kind: 'no-verdict', reason: 'no JSON', session };
        const findings = identify({ engine, findings: answer.findings, known: earlier });
        const nothing = answer.verdict === 'request-changes' && restsOnNothing(findings, earlier);
        if (nothing) {
          const reason = nothing.map(({ why }) => why).join('; ');
          return { kind: 'no-verdict', reason, malformed: reason, session };
        }
        const review = { engine, sha: headSha, ...answer, findings };
        return { kind: 'reviewed', ...this.reviewed(review, session) };
      },
      judgeDisputes: async ({ engine, disputed, sessionId, host }) => {
        const session = summary({
          ...{ id: sessionId, role: `review-${engine}`, host, end: 'exited', exitCode: 0 },
        });
        const rulings = this.judge(disputed);
        return rulings === 'garbage' ? { session, rulings: [], fault: 'no JSON' } : { session, rulings };
      },
      answerQuestion: async ({ question, option }) => {
        this.answers.push({ question, option, queue: Context.current().info.taskQueue });
      },
      cleanUp: async ({ place }) => {
        this.cleaned.push(place.task);
      },
    };
  }

  /** What a base holds. */
  #treeOf(base: string): string {
    return this.#trees.get(base) ?? base;
  }

  #openIssue(task: string): { number: number } {
    const issue = this.issues.get(task) ?? { number: this.issues.size + 1, state: 'open' as const };
    this.issues.set(task, issue);
    return { number: issue.number };
  }

  #judge(place: TaskPlace, sessionId: string | null): Delivery {
    const work = sessionId === null ? undefined : this.#work.get(sessionId);
    if (!work) {
      const headSha = this.branches.get(place.branch);
      if (headSha === undefined)
        return { kind: 'nothing-delivered', signature: 'no-branch', message: 'no branch' };
      return this.#delivered(headSha, false);
    }
    switch (work.kind) {
      case 'commit': {
        const headSha = sha(work.name);
        this.testedOn.set(headSha, this.base);
        const { answers, unreadAnswers, touchesJudge = false } = work;
        const said = {
          ...(answers === undefined ? {} : { answers }),
          ...(unreadAnswers === undefined ? {} : { unreadAnswers }),
        };
        return { ...this.#delivered(headSha, touchesJudge), ...said };
      }
      case 'no-change':
        return { kind: 'no-change-needed', reason: work.reason };
      case 'red-check': {
        const { check } = work;
        return {
          kind: 'checks-failed',
          headSha: sha('red'),
          check,
          message: `${check} is red`,
          excerpt: 'not ok 1',
        };
      }
      default:
        return { kind: 'nothing-delivered', signature: 'no-commits', message: 'no commits' };
    }
  }

  #delivered(headSha: string, touchesJudge: boolean): Delivery {
    const tree = this.treeOf(headSha);
    const breaches = this.breaches(headSha).map((breach) => ({ ...breach, sha: headSha }));
    const { base: baseSha, needsTwo } = this;
    return { kind: 'delivered', headSha, baseSha, commits: 1, touchesJudge, breaches, needsTwo, tree };
  }
}
