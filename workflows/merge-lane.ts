import { ciAllowsMerge, type CiVerdict } from '../schema/contracts/ci.ts';
import { MergeWithdrawal, type LaneInput, type MergeRequest } from '../schema/contracts/messages.ts';
import { createLaneRevert } from './lane-revert.ts';
import { LaneState } from './lane-state.ts';
import { describe, reasonOf, tidy, type Answer, type LaneWorld } from './lane-world.ts';
import type { Covered } from './ports.ts';

/** A head that was tested on exactly this base, or the last word on its request. */
type Prepared =
  { kind: 'prepared'; headSha: string; baseSha: string } | { kind: 'not-covered' } | Merged | Ended;
/** Without an answer nobody is there to hear one. */
interface Ended {
  kind: 'ended';
  answer?: Answer;
}
/** What a batch has tested, by the ids of its members. */
interface Tested {
  baseSha: string;
  trees: ReadonlyMap<string, string>;
}
interface Merged {
  kind: 'merged';
  headSha: string;
  mergeSha: string;
  baseSha: string;
  /** Merged before it came in; with the verdict on a base that holds it, where that is known. */
  found?: { verdict: CiVerdict | undefined };
}

/**
 * The one way into a base branch: pull requests are updated, tested, merged and verified one at a time, in order. These
 * are its decisions; Temporal is known to its world only.
 */
export class MergeLane {
  readonly state: LaneState;
  readonly #world: LaneWorld;

  constructor(of: { input: LaneInput; world: LaneWorld }) {
    this.state = new LaneState(of.input);
    this.#world = of.world;
  }

  async hearRequest(raw: unknown): Promise<void> {
    const request = this.state.hearRequest(raw);
    const { redBase } = this.state;
    if (request && redBase !== undefined)
      await this.#world.tell(request, { kind: 'base-red', reason: redBase });
  }

  async hearWithdrawal(raw: unknown): Promise<void> {
    const withdrawal = MergeWithdrawal.safeParse(raw);
    if (!withdrawal.success) return;
    const answer = this.state.withdraw(withdrawal.data.id);
    if (answer) await this.#world.tell(answer.request, { kind: answer.kind });
  }

  /** Serves whoever is next, until the one after may come in. */
  async serveNext(): Promise<void> {
    const tested = this.state.takeTogether().length > 1 ? await this.#testTogether() : undefined;
    if (tested) return this.#serveMembers(tested);
    const request = this.state.takeMember();
    // Whoever is not served now is next.
    this.state.putBack(this.state.together);
    if (request) await this.#serve(request, undefined);
  }

  /** Undefined: it was not merged, and nothing is left to do for it. */
  async #serve(
    request: MergeRequest,
    covered: Covered | undefined,
  ): Promise<Merged | 'not-covered' | undefined> {
    const outcome = await this.#outcomeOf(request, covered);
    if (outcome.kind === 'not-covered') {
      this.state.leave();
      return outcome.kind;
    }
    this.state.answered(request.id);
    if (outcome.kind === 'merged') {
      const { headSha, mergeSha, found } = outcome;
      await this.#world.tell(request, { kind: 'merged', headSha, mergeSha });
      if (covered && !found) return outcome;
      const verdict = found?.verdict;
      if (verdict) await this.#world.tell(request, { kind: 'verified', verdict, green: true });
      else await this.#verify([request], outcome);
    } else if (outcome.answer) await this.#world.tell(request, outcome.answer);
    this.state.leave();
    return undefined;
  }

  /**
   * Tests those who came in together, one on the other. When that is red, the first half of them is tested next, and the
   * others after that, by themselves. Undefined: whoever is first is served alone.
   */
  async #testTogether(): Promise<Tested | undefined> {
    const { state } = this;
    const world = this.#world;
    const [first] = state.together;
    if (!first) return undefined;
    try {
      world.show(state);
      const { baseSha } = (await this.#untilGreen(first)) ?? {};
      while (baseSha !== undefined && state.together.length > 1) {
        const members = state.together;
        const opened = await world.openBatch(members, { baseSha });
        if (opened.kind === 'not-possible') return undefined;
        const { headSha } = opened;
        const names = members.map(describe).join(', ');
        const { verdict } = await world.awaitCi(
          first,
          { sha: headSha, stepsAt: baseSha },
          `CI of ${names} together`,
        );
        await tidy(world, first, { ...opened, pullRequest: null });
        const isGreen = members.every((member) => ciAllowsMerge(verdict, member));
        if (isGreen) return { baseSha, trees: new Map(opened.trees.map(({ id, tree }) => [id, tree])) };
        // Some may have been withdrawn meanwhile.
        const half = Math.ceil(state.together.length / 2);
        state.putBack(state.together.slice(half), { suspect: true });
      }
    } catch (error) {
      reasonOf(this.#world, error);
    }
    return undefined;
  }

  /** Merges the members one after another, as long as each comes to what was tested; the base is verified at the last. */
  async #serveMembers({ baseSha: testedOn, trees }: Tested): Promise<void> {
    const { state } = this;
    const merged: MergeRequest[] = [];
    let last: Merged | undefined;
    for (let request = state.takeMember(); request; request = state.takeMember()) {
      const tree = trees.get(request.id);
      const covered = tree === undefined ? undefined : { tree, baseSha: last?.mergeSha ?? testedOn };
      const outcome = covered ? await this.#serve(request, covered) : ('not-covered' as const);
      if (typeof outcome === 'object') {
        merged.push(request);
        last = outcome;
        continue;
      }
      // What comes after it was tested with it.
      state.putBack(outcome === 'not-covered' ? [request, ...state.together] : state.together);
    }
    if (last) await this.#verify(merged, last);
    else if (state.hasWaiting) {
      const request = state.takeNext();
      if (request) await this.#serve(request, undefined);
    }
    state.leave();
  }

  async #outcomeOf(
    request: MergeRequest,
    covered: Covered | undefined,
  ): Promise<Merged | Ended | { kind: 'not-covered' }> {
    try {
      for (let { headSha } = request; ;) {
        const prepared = await this.#prepareUnlessWithdrawn(request, headSha, covered);
        if (prepared.kind !== 'prepared') return prepared;
        this.state.merge(request);
        this.#world.show(this.state);
        const { baseSha } = prepared;
        ({ headSha } = prepared);
        const result = await this.#world.merge(request, { headSha, baseSha });
        if (result.kind === 'merged') return { ...result, headSha, baseSha };
        if (result.kind === 'head-moved') return { kind: 'ended', answer: result };
        if (result.kind === 'closed') {
          return { kind: 'ended', answer: { kind: 'failed', reason: 'the pull request was closed' } };
        }
        // Somebody else has pushed to the base: test on that, and try again.
      }
    } catch (error) {
      const reason = reasonOf(this.#world, error);
      return { kind: 'ended', answer: { kind: 'failed', reason, headSha: this.state.updatedHead } };
    }
  }

  async #prepareUnlessWithdrawn(
    request: MergeRequest,
    headSha: string,
    covered: Covered | undefined,
  ): Promise<Prepared> {
    const { state } = this;
    // Said while the request was being merged, which came to nothing.
    if (state.isWithdrawn(request.id)) return withdrawn(state);
    const { result, callOff } = this.#world.whileWanted(() =>
      covered ? this.#prepareMember(request, headSha, covered) : this.#prepare(request, headSha),
    );
    state.prepare(request, callOff);
    this.#world.show(state);
    const prepared = await result;
    if (prepared === 'called-off') return withdrawn(state);
    if (!state.isWithdrawn(request.id)) return prepared;
    if (prepared.kind !== 'merged') return withdrawn(state);
    await this.#world.tell(request, { kind: 'too-late' });
    return prepared;
  }

  /** Waits for a quiet, green base, brings the branch up to it, and tests what has come of that. */
  async #prepare(request: MergeRequest, headSha: string): Promise<Prepared> {
    const world = this.#world;
    if (!(await world.isOpen(request))) return { kind: 'ended' };
    const green = await this.#untilGreen(request);
    const update = await world.updateBranch(request, headSha);
    if (update.kind === 'conflict') {
      return { kind: 'ended', answer: { ...update, headSha: this.state.updatedHead } };
    }
    if (update.kind === 'head-moved') return { kind: 'ended', answer: update };
    if (update.kind === 'not-covered') return { kind: 'ended' };
    const same = update.baseSha === green?.baseSha ? green : undefined;
    if (update.kind === 'merged') return { ...update, found: { verdict: same?.verdict } };
    if (update.updated) this.state.updatedHead = update.headSha;
    // Somebody has pushed to the base since it was found green.
    if (green && !same) return this.#prepare(request, update.headSha);
    const prepared = { kind: 'prepared' as const, headSha: update.headSha, baseSha: update.baseSha };
    if (!update.updated) return prepared;
    const question = { sha: update.headSha, stepsAt: update.baseSha };
    const report = await world.awaitCi(request, question, `CI of ${describe(request)}, updated`);
    if (!ciAllowsMerge(report.verdict, request)) {
      return { kind: 'ended', answer: { kind: 'ci-failed', headSha: update.headSha, report } };
    }
    // Testing may have taken hours.
    return (await world.isOpen(request)) ? prepared : { kind: 'ended' };
  }

  /** What a batch has tested needs no test of its own, if it comes to that very tree on that very base. */
  async #prepareMember(request: MergeRequest, headSha: string, covered: Covered): Promise<Prepared> {
    if (!(await this.#world.isOpen(request))) return { kind: 'ended' };
    const update = await this.#world.updateBranch(request, headSha, covered);
    if (update.kind === 'head-moved') return { kind: 'ended', answer: update };
    // Nobody comes in again who was withdrawn.
    if (update.kind === 'merged' && this.state.isWithdrawn(request.id)) {
      return { ...update, found: { verdict: undefined } };
    }
    if (update.kind !== 'ready') return { kind: 'not-covered' };
    if (update.updated) this.state.updatedHead = update.headSha;
    return { kind: 'prepared', headSha: update.headSha, baseSha: update.baseSha };
  }

  /**
   * A red base stops the lane: whoever waits is told, and people can see why. Answers what is green; undefined
   * in what version 0.3 and older have recorded, which did not ask for it.
   */
  async #untilGreen(request: MergeRequest): Promise<{ baseSha: string; verdict: CiVerdict } | undefined> {
    let { baseSha, verdict } = await this.#world.guardQueue(request, { mustBeGreen: false });
    if (verdict && !ciAllowsMerge(verdict, request)) {
      await this.#tellRed(`${this.#base} is ${verdict} at ${baseSha}`, [request]);
      ({ baseSha, verdict } = await this.#world.guardQueue(request, { mustBeGreen: true }));
    }
    await this.#tellGreen([request]);
    return verdict && { baseSha, verdict };
  }

  /** Lets the next in only when the base is green at the merge; red, the lane stands until somebody has mended it. */
  async #verify(requests: MergeRequest[], { mergeSha, baseSha }: Merged): Promise<void> {
    const world = this.#world;
    const request = requests.at(-1);
    if (!request) return;
    const tellEach = async (answer: Answer): Promise<void> => {
      for (const one of requests) await world.tell(one, answer);
    };
    try {
      const what = `CI of ${this.#base} at the merge of ${describe(request)}`;
      const { verdict } = await world.awaitCi(request, { sha: mergeSha, stepsAt: baseSha }, what);
      const green = ciAllowsMerge(verdict, request);
      await tellEach({ kind: 'verified', verdict, green });
      if (green) return;
      const reason = `${this.#base} is ${verdict} at ${mergeSha}`;
      await this.#tellRed(reason, []);
      // Of several nobody knows which it was: that is for a person.
      const mayRevert = requests.length === 1 && request.redBase === 'revert';
      const giveUp = (why: string): Promise<void> => this.#tellRed(`${reason}; not reverted: ${why}`, []);
      const revert = createLaneRevert({ world, request, mergeSha, reason, giveUp });
      const isReverted = mayRevert && (await revert.make());
      await world.guardQueue(request, { mustBeGreen: true });
      // The merge commit stays what it was; it is the base that is green again.
      if (!isReverted && !(mayRevert && (await revert.find()))) {
        await tellEach({ kind: 'verified', verdict, green: true });
      }
      await this.#tellGreen([]);
    } catch (error) {
      reasonOf(this.#world, error);
      // What can't be verified is told as such; the queue guard looks at the base again before the next merge.
      await tellEach({ kind: 'verified', verdict: 'none-yet', green: false });
    }
  }

  async #tellRed(reason: string, inside: MergeRequest[]): Promise<void> {
    if (this.state.redBase === reason) return;
    this.state.redBase = reason;
    this.#world.show(this.state);
    await this.#tellAll(inside, { kind: 'base-red', reason });
  }

  async #tellGreen(inside: MergeRequest[]): Promise<void> {
    if (this.state.redBase === undefined) return;
    this.state.redBase = undefined;
    this.#world.show(this.state);
    await this.#tellAll(inside, { kind: 'base-green' });
  }

  async #tellAll(inside: MergeRequest[], answer: Answer): Promise<void> {
    for (const request of [...inside, ...this.state.waiting]) await this.#world.tell(request, answer);
  }

  get #base(): string {
    return this.state.input.repository.base;
  }
}

function withdrawn({ updatedHead }: LaneState): Ended {
  return { kind: 'ended', answer: { kind: 'withdrawn', headSha: updatedHead } };
}
