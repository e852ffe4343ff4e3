import { workflowInfo } from '@temporalio/workflow';
import { ciAllowsMerge, type CiReport, type CiRules } from '../schema/contracts/ci.ts';
import type { MergeRequest } from '../schema/contracts/messages.ts';
import { call, quietWithinSeconds, type ForgeSide } from './proxies.ts';
import { failedContexts, failsWithBase, isLeftOut, rejectCi, rejectConflict } from './rules/remediation.ts';
import type { TaskState } from './task-state.ts';
import type { TaskSteps } from './task-steps.ts';

/** Enough to see what holds a task up; the whole is on the forge. A view is written at every gate. */
const statusesKept = 50;

/** CI of a task's heads, and what to do about a verdict that is not its author's fault. */
export class TaskCi {
  readonly #task: TaskState;
  readonly #steps: TaskSteps;
  readonly #forgeSide: ForgeSide;
  #asked = { sha: '', since: 0 };
  /** The head that a person has let go on, since no CI runs for it. */
  #accepted: string | undefined;

  constructor(of: { task: TaskState; steps: TaskSteps; forgeSide: ForgeSide }) {
    this.#task = of.task;
    this.#steps = of.steps;
    this.#forgeSide = of.forgeSide;
  }

  /** The queue guard before a push. */
  async untilBaseIsQuiet(): Promise<void> {
    const { place, input } = this.#task;
    const { base } = input.repository;
    const { requireCi } = input.policy;
    await this.#steps.enter('queue-guard', { on: `no pipeline pending on ${base}`, for: 'ci' });
    await this.#steps.try(() =>
      call(this.#forgeSide.ci.guardQueue, `${base} quiet`, {
        place,
        mustBeGreen: false,
        requireCi,
        waitAtMostSeconds: quietWithinSeconds,
      }),
    );
  }

  async verdict(sha: string): Promise<CiReport> {
    const task = this.#task;
    const { place, baseSha: stepsAt } = task;
    if (this.#asked.sha !== sha) this.#asked = { sha, since: Date.now() };
    const { since } = this.#asked;
    return this.#steps.try(() =>
      call(this.#forgeSide.ci.awaitCi, `CI of ${sha}`, {
        place,
        sha,
        stepsAt,
        since,
        ...this.#rulesFor(sha),
      }),
    );
  }

  /** A request to the lane, which asks the same of CI. */
  nextMergeRequest(): MergeRequest {
    const request = this.#task.nextMergeRequest(workflowInfo().workflowId);
    return { ...request, ...this.#rulesFor(request.headSha) };
  }

  /** What a person has accepted counts as if the policy had. */
  #rulesFor(sha: string): { ci?: CiRules } {
    const { ci } = this.#task.input.policy;
    if (this.#accepted === sha) return { ci: { ...ci, pathsIgnored: 'accept' } };
    return ci === undefined ? {} : { ci };
  }

  heard(report: CiReport): void {
    const { sha, contexts } = report;
    this.#task.view.ci = report.verdict;
    this.#task.view.statuses = {
      sha,
      contexts: contexts.slice(0, statusesKept).map(({ name, state }) => ({ name, state })),
    };
    this.#task.tell('ci', `CI is ${report.verdict} at ${report.sha}`);
  }

  /** False: the task goes back for another head. */
  async outlast(first: CiReport): Promise<boolean> {
    const { policy } = this.#task.input;
    for (let report = first; ;) {
      if (ciAllowsMerge(report.verdict, policy)) return true;
      if (isLeftOut(report)) report = await this.#untilAccepted(report);
      else if (failsWithBase(report)) {
        const again = await this.#untilBaseIsGreen(report);
        if (again === 'other-head') return false;
        report = again;
      } else return this.#steps.sendBack([rejectCi(report, policy)]);
    }
  }

  async #untilAccepted(report: CiReport): Promise<CiReport> {
    const pipelines = report.leftOutBy?.join(', ') ?? '';
    await this.#steps.park(
      `no CI will run for ${report.sha}: the paths of ${pipelines} leave the change out. Answer retry to go on without`,
    );
    this.#accepted = report.sha;
    return this.#again(report.sha);
  }

  /** Looks again when the base is mended: at a verdict of before then nobody is to blame, and the head needs a new one. */
  async #untilBaseIsGreen(report: CiReport): Promise<CiReport | 'other-head'> {
    const task = this.#task;
    const { base } = task.input.repository;
    const names = failedContexts(report).join(', ');
    task.waitOn({ on: `${base} to be green again: ${names} fails there too`, for: 'ci' });
    await this.#steps.record();
    const { place } = task;
    const { requireCi } = task.input.policy;
    await this.#steps.try(() =>
      call(this.#forgeSide.ci.guardQueue, `${base} green again`, { place, mustBeGreen: true, requireCi }),
    );
    const again = await this.#again(report.sha);
    if (failedContexts(again).join(', ') !== names) return again;
    if (await this.#takeBase(report.sha)) return 'other-head';
    await this.#steps.park(
      `CI failed at ${report.sha} while ${base} failed too (${names}), and ${base} is green again: let CI run again there, and answer retry`,
    );
    return this.#again(report.sha);
  }

  async #again(sha: string): Promise<CiReport> {
    this.#task.waitOn({ on: `CI at ${sha}`, for: 'ci' });
    await this.#steps.record();
    const report = await this.verdict(sha);
    this.heard(report);
    return report;
  }

  /** Brings the branch up to a base that has moved. False: the base is where it was. */
  async #takeBase(headSha: string): Promise<boolean> {
    const task = this.#task;
    const { engine, repository } = task.input;
    const { base } = repository;
    const request = this.nextMergeRequest();
    const update = await this.#steps.try(() =>
      call(this.#forgeSide.merges.updateBranch, `bring ${task.place.branch} up to ${base}`, {
        tenant: engine.tenant,
        repository,
        request,
        headSha,
      }),
    );
    if (update.kind === 'conflict') {
      await this.#steps.sendBack([rejectConflict(update.files, base, headSha)]);
      return true;
    }
    if (update.kind === 'not-covered' || update.kind === 'merged') return false;
    if (update.kind === 'ready' && !update.updated) return false;
    if (update.kind === 'ready') task.broughtUp(update.headSha);
    task.headMoved(`${task.place.branch} is now at ${update.headSha ?? 'no commit'}, for the mended ${base}`);
    return true;
  }
}
