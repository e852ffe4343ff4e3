import type { MergeRequest } from '../../schema/contracts/messages.ts';
import { ciAllowsMerge, type CiReport } from '../../schema/contracts/ci.ts';
import type { LaneState } from '../../workflows/lane-state.ts';
import type { BatchOutcome, Covered, FoundRevert } from '../../workflows/ports.ts';
import type { Answer, LaneWorld } from '../../workflows/lane-world.ts';
import { sha } from './fake-world.ts';
import { debtsOf, lastWords, mostRounds } from './lane-debts.ts';
import type { Asked, Fault, Happening, Pull } from './lane-happenings.ts';

/** Thrown by a step whose retries are used up. */
class StepFailed extends Error {}
/** How work that was called off ends. */
class CalledOff extends Error {}

/**
 * A forge, a CI and tasks in memory, to drive a merge lane with. It does what it is asked as naively as a forge may, and
 * notes whatever breaks the law.
 */
export class LaneModel {
  readonly pulls: Pull[];
  /** The lane's own, by the merge that they take back. */
  readonly #reverts = new Map<string, Pull>();
  readonly violations: string[] = [];
  base = sha('base');
  readonly #pause: (label: string) => Promise<void>;
  readonly #faults: Fault[];
  readonly #deliver: (request: MergeRequest) => void;
  readonly #redBases = new Set<string>();
  /** Whoever is to blame is in there: nobody mends that from outside. */
  readonly #redBatches = new Set<string>();
  /** What each head holds of the base. */
  readonly #holds = new Map<string, string>();
  /** From which head the lane has made another. */
  readonly #provenFrom = new Map<string, string>();
  /** Heads that CI has found green. */
  readonly #tested = new Set<string>();
  readonly #merges = new Map<string, string>();
  /** The merge of each pull request, by its number. */
  readonly #merged = new Map<number, { headSha: string; mergeSha: string }>();
  /** The trees of a batch, by its head. */
  readonly #batches = new Map<string, string[]>();
  /** What a base holds. */
  readonly #contents = new Map<string, string>();
  #mergesUnderWay = 0;
  #names = 0;
  #callOffs: { isOff: boolean }[] = [];
  #mended: (() => void)[] = [];

  constructor(of: {
    pulls: Pick<Pull, 'breaksOnUpdate' | 'breaksBase' | 'redBase' | 'priority' | 'batch'>[];
    faults: readonly Fault[];
    /** Lets anything else happen first. */
    pause: (label: string) => Promise<void>;
    deliver: (request: MergeRequest) => void;
  }) {
    this.#pause = of.pause;
    this.#faults = [...of.faults];
    this.#deliver = of.deliver;
    this.pulls = of.pulls.map((more, index) => {
      const task = `T${index}`;
      const head = sha(task);
      this.#holds.set(head, this.base);
      this.#tested.add(head);
      const branch = `mission/m/${task}`;
      return { ...more, task, number: index, branch, head, state: 'open', isTaskOpen: true, requests: [] };
    });
  }

  happen(happening: Happening): { withdrawal?: string } {
    if (happening.kind === 'base-push') {
      this.base = this.#commit('somebody');
      if (happening.red) this.#redBases.add(this.base);
      return {};
    }
    if (happening.kind === 'mend') {
      this.mend();
      return {};
    }
    const all = [...this.pulls, ...this.#reverts.values()];
    const pull = all[happening.pull % all.length];
    if (!pull) return {};
    if (!this.pulls.includes(pull) && happening.kind !== 'push' && happening.kind !== 'close') return {};
    const last = pull.requests.at(-1);
    switch (happening.kind) {
      case 'go-ahead':
        if (!last) this.#ask(pull);
        return {};
      case 'twice':
        if (last) this.#deliver(last.request);
        return {};
      case 'push':
        pull.head = this.#commit('stranger');
        return {};
      case 'close':
        if (pull.state === 'open') pull.state = 'closed';
        return {};
      case 'terminate':
        pull.isTaskOpen = false;
        return {};
      case 'withdraw':
        if (!last || !pull.isTaskOpen) return {};
        if (last.answers.some(({ kind }) => lastWords.includes(kind))) return {};
        last.isWithdrawn = true;
        return { withdrawal: last.request.id };
    }
  }

  mend(): void {
    this.#redBases.clear();
    for (const go of this.#mended.splice(0)) go();
  }

  /** What is still owed to anybody once nothing moves any more. */
  debts(): string[] {
    const isTakenBack = (mergeSha: string) => this.#reverts.get(mergeSha)?.state === 'merged';
    return debtsOf({ pulls: this.pulls, isTakenBack });
  }

  world(): LaneWorld {
    return {
      isOpen: (request) => this.#step('isOpen', () => this.#pullOf(request).isTaskOpen),
      guardQueue: async (request, { mustBeGreen }) => {
        for (;;) {
          const seen = await this.#step('guardQueue', () => this.base);
          const verdict = this.#redBases.has(seen) ? 'failed' : 'passed';
          if (!mustBeGreen || ciAllowsMerge(verdict, request)) return { baseSha: seen, verdict };
          await this.#untilMended();
        }
      },
      updateBranch: async (request, headSha, covered) => {
        const update = await this.#step('updateBranch', () => this.#update(request, headSha, covered));
        const asked = this.#askedAs(request);
        if (asked && update.kind === 'merged') asked.isFound = !covered || asked.isWithdrawn;
        return update;
      },
      openBatch: (requests, { baseSha }) => this.#step('openBatch', () => this.#openBatch(requests, baseSha)),
      awaitCi: (request, { sha: commit }) =>
        this.#step('awaitCi', (): CiReport => {
          const isRed =
            this.#redBases.has(commit) || this.#redBatches.has(commit) || this.#isRedHead(request, commit);
          if (!isRed)
            for (const tested of [commit, ...(this.#batches.get(commit) ?? [])]) this.#tested.add(tested);
          return { sha: commit, verdict: isRed ? 'failed' : 'passed', contexts: [] };
        }),
      merge: async (request, of) => {
        this.#mergesUnderWay += 1;
        if (this.#mergesUnderWay > 1) this.#note('two merges at the same time');
        if (this.#askedAs(request)?.isWithdrawn)
          this.#note(`${request.task} is merged after it was withdrawn`);
        try {
          return await this.#step('merge', () => this.#merge(request, of));
        } finally {
          this.#mergesUnderWay -= 1;
        }
      },
      openRevert: (request, { mergeSha }) => this.#step('openRevert', () => this.#revert(request, mergeSha)),
      findRevert: (_request, { mergeSha }) => this.#step('findRevert', () => this.#findRevert(mergeSha)),
      tidyBranch: (_request, { pullRequest }) =>
        this.#step('tidyBranch', () => {
          if (pullRequest === null) return;
          const revert = this.#pullOf({ pullRequest });
          if (revert.state === 'open') revert.state = 'closed';
        }),
      tell: async (request, answer) => this.#hear(request, answer),
      whileWanted: (work) => {
        const off = { isOff: false };
        this.#callOffs.push(off);
        const result = work()
          .catch((error: unknown) => {
            if (error instanceof CalledOff) return 'called-off' as const;
            throw error;
          })
          .finally(() => (this.#callOffs = this.#callOffs.filter((one) => one !== off)));
        return {
          result,
          callOff: () => {
            off.isOff = true;
            for (const go of this.#mended.splice(0)) go();
          },
        };
      },
      failureOf: (error) => (error instanceof StepFailed ? error.message : undefined),
      show: (state: LaneState) => void state.describe(),
    };
  }

  /** As an activity is: it may be begun late, done again after it has acted, or fail; called off, it never begins. */
  async #step<Result>(label: string, act: () => Result): Promise<Result> {
    this.#throwIfOff();
    const fault = this.#faults.shift() ?? 'none';
    await this.#pause(label);
    if (fault === 'fails') throw new StepFailed(`${label} has failed`);
    let result = act();
    if (fault === 'done-again') {
      await this.#pause(`${label} again`);
      result = act();
    }
    if (fault === 'fails-after') throw new StepFailed(`the answer of ${label} was lost`);
    await this.#pause(`answer of ${label}`);
    // An update that is under way is let end, as the workflow does it.
    if (label !== 'updateBranch' && label !== 'merge') this.#throwIfOff();
    return result;
  }

  #throwIfOff(): void {
    if (this.#callOffs.some(({ isOff }) => isOff)) throw new CalledOff();
  }

  async #untilMended(): Promise<void> {
    this.#throwIfOff();
    await new Promise<void>((resolve) => this.#mended.push(resolve));
    this.#throwIfOff();
  }

  #openBatch(requests: readonly MergeRequest[], baseSha: string): BatchOutcome {
    if (this.base !== baseSha) return { kind: 'not-possible', reason: 'the base has moved' };
    let tip = this.#contentOf(baseSha);
    const fitting = requests.filter((request) => this.#pullOf(request).head === request.headSha);
    const trees = fitting.map(({ id, headSha }) => ({ id, tree: (tip = `${tip}+${headSha}`) }));
    if (trees.length < 2) return { kind: 'not-possible', reason: 'too few fit' };
    const headSha = this.#commit('batch');
    this.#batches.set(
      headSha,
      trees.map(({ tree }) => tree),
    );
    const isRed = fitting
      .map((request) => this.#pullOf(request))
      .some((pull) => pull.breaksOnUpdate || pull.breaksBase);
    if (isRed) this.#redBatches.add(headSha);
    return { kind: 'opened', branch: 'batch', headSha, trees };
  }

  #contentOf(base: string): string {
    return this.#contents.get(base) ?? base;
  }

  #rootOf(head: string): string {
    const from = this.#provenFrom.get(head);
    return from === undefined ? head : this.#rootOf(from);
  }

  /** Of a head that holds a base. */
  #treeOf(head: string, base: string): string {
    return `${this.#contentOf(base)}+${this.#rootOf(head)}`;
  }

  #update(
    request: MergeRequest,
    headSha: string,
    covered?: Covered,
  ): Awaited<ReturnType<LaneWorld['updateBranch']>> {
    const pull = this.#pullOf(request);
    const standing = pull.head;
    const merge = this.#merged.get(pull.number);
    if (merge) {
      if (!this.#isApproved(request, merge.headSha)) return { kind: 'head-moved', headSha: merge.headSha };
      return { kind: 'merged', ...merge, baseSha: this.base };
    }
    if (standing !== headSha && this.#provenFrom.get(standing) !== headSha) {
      return { kind: 'head-moved', headSha: standing };
    }
    const isCovered =
      !covered || (covered.baseSha === this.base && covered.tree === this.#treeOf(standing, this.base));
    if (!isCovered) return { kind: 'not-covered' };
    if (this.#holds.get(standing) === this.base) {
      return { kind: 'ready', headSha: standing, baseSha: this.base, updated: standing !== request.headSha };
    }
    pull.head = this.#commit(`${standing} up to ${this.base}`);
    this.#provenFrom.set(pull.head, standing);
    return { kind: 'ready', headSha: pull.head, baseSha: this.base, updated: true };
  }

  #revert(request: MergeRequest, mergeSha: string): Awaited<ReturnType<LaneWorld['openRevert']>> {
    const { task, redBase, priority } = this.#pullOf(request);
    const standing = this.#reverts.get(mergeSha);
    if (standing && standing.state !== 'open') return { kind: 'not-possible', reason: 'it is closed' };
    const number = standing?.number ?? this.pulls.length + this.#reverts.size;
    const breaksOnUpdate = redBase === 'red-revert';
    const revert = standing ?? {
      ...{ task: `revert of ${task}`, number, branch: `revert/${mergeSha}`, state: 'open', head: '' },
      ...{ isTaskOpen: false, breaksOnUpdate, breaksBase: false, redBase, priority, batch: 1, requests: [] },
    };
    if (this.#holds.get(revert.head) !== this.base) revert.head = this.#commit(`revert up to ${this.base}`);
    this.#reverts.set(mergeSha, revert);
    if (redBase === 'red-revert') this.#redBases.add(revert.head);
    const { branch, head: headSha } = revert;
    return { kind: 'opened', branch, headSha, baseSha: this.base, pullRequest: number };
  }

  #findRevert(mergeSha: string): FoundRevert {
    const { branch, number = NaN } = this.#reverts.get(mergeSha) ?? {};
    const found = this.#merged.get(number);
    if (branch === undefined || !found) return { kind: 'not-merged' };
    const { headSha, mergeSha: revertSha } = found;
    return { kind: 'merged', branch, headSha, pullRequest: number, revertSha };
  }

  #isRedHead(request: MergeRequest, commit: string): boolean {
    return this.#pullOf(request).breaksOnUpdate && this.#provenFrom.has(commit);
  }

  /** Pinned to head and base; what was merged under one key is found again, and nothing else is looked at. */
  #merge(
    request: MergeRequest,
    { headSha, baseSha }: { headSha: string; baseSha: string },
  ): Awaited<ReturnType<LaneWorld['merge']>> {
    const pull = this.#pullOf(request);
    const key = `${pull.number}@${headSha}+${baseSha}`;
    const standing = this.#merges.get(key);
    if (standing !== undefined) return { kind: 'merged', mergeSha: standing };
    if (pull.state === 'closed') return { kind: 'closed' };
    if (pull.head !== headSha) return { kind: 'head-moved', headSha: pull.head };
    if (this.base !== baseSha) return { kind: 'base-moved' };
    if (pull.state === 'merged') this.#note(`${pull.task} is merged twice`);
    const tree = this.#treeOf(headSha, baseSha);
    if (!this.#tested.has(headSha) && !this.#tested.has(tree)) this.#note(`${pull.task} is merged untested`);
    if (this.#holds.get(headSha) !== baseSha) this.#note(`${pull.task} is merged on another base`);
    if (!this.#isApproved(request, headSha)) this.#note(`${pull.task} is merged at a head nobody approved`);
    const isRevert = !this.pulls.includes(pull);
    if (this.#redBases.has(baseSha) && !isRevert) this.#note(`${pull.task} is merged onto a red base`);
    pull.state = 'merged';
    const mergeSha = this.#commit(`merge of ${headSha}`);
    this.#merges.set(key, mergeSha);
    this.#merged.set(pull.number, { headSha, mergeSha });
    this.#contents.set(mergeSha, tree);
    this.base = mergeSha;
    if (pull.breaksBase) this.#redBases.add(mergeSha);
    return { kind: 'merged', mergeSha };
  }

  #isApproved(request: MergeRequest, headSha: string): boolean {
    for (let head: string | undefined = headSha; head !== undefined; head = this.#provenFrom.get(head)) {
      if (head === request.headSha) return true;
    }
    return false;
  }

  /** A task acts on its answer as the real one does: mends what was refused, and asks again. */
  #hear(request: MergeRequest, answer: Answer): void {
    const pull = this.#pullOf(request);
    const asked = this.#askedAs(request);
    if (!asked) return this.#note(`${request.id} was answered and never asked`);
    asked.answers.push(answer);
    if (answer.kind === 'withdrawn' && asked.isFound) this.#note(`${request.id} is merged, not withdrawn`);
    // It is another pull request from here on.
    if (answer.kind === 'reverted') {
      Object.assign(pull, { state: 'open', breaksBase: false });
      this.#merged.delete(pull.number);
    }
    if (asked.isWithdrawn || !pull.isTaskOpen || pull.requests.length >= mostRounds) return;
    if (['head-moved', 'ci-failed', 'reverted'].includes(answer.kind)) {
      pull.head = this.#commit(`mended ${pull.task}`);
      pull.breaksOnUpdate = false;
      this.#holds.set(pull.head, this.base);
      this.#tested.add(pull.head);
      this.#ask(pull);
    } else if (answer.kind === 'failed' && pull.state !== 'closed') this.#ask(pull, request.headSha);
  }

  #ask(pull: Pull, headSha = pull.head): void {
    const request: MergeRequest = {
      id: `i1/mission-m/${pull.task}#${pull.requests.length + 1}`,
      workflowId: `i1/mission-m/${pull.task}`,
      mission: 'm',
      task: pull.task,
      title: pull.task,
      pullRequest: pull.number,
      branch: pull.branch,
      headSha,
      approvals: [],
      requireCi: true,
      priority: pull.priority,
      redBase: pull.redBase === 'stop' ? 'stop' : 'revert',
      batch: pull.batch,
    };
    pull.requests.push({ request, isWithdrawn: false, isFound: false, answers: [] });
    this.#deliver(request);
  }

  #pullOf(request: Pick<MergeRequest, 'pullRequest'>): Pull {
    const all = [...this.pulls, ...this.#reverts.values()];
    const pull = all.find(({ number }) => number === request.pullRequest);
    if (!pull) throw new Error(`there is no pull request ${request.pullRequest}`);
    return pull;
  }

  #askedAs(request: MergeRequest): Asked | undefined {
    return this.#pullOf(request).requests.find((one) => one.request.id === request.id);
  }

  #commit(what: string): string {
    this.#names += 1;
    const commit = sha(`${this.#names}`);
    if (what.includes(' up to ')) this.#holds.set(commit, this.base);
    return commit;
  }

  #note(violation: string): void {
    this.violations.push(violation);
  }
}
