import { ActivityFailure, condition, isCancellation } from '@temporalio/workflow';
import { ciAllowsMerge } from '../schema/contracts/ci.ts';
import { slotsQueue } from '../schema/contracts/names.ts';
import type { PlannedMilestone } from '../schema/contracts/plan.ts';
import type { MissionState } from './mission-state.ts';
import type { MissionPlace } from './ports.ts';
import { call, forgeSide, hostRuns } from './proxies.ts';
import { describeFailure } from './rules/describe-failure.ts';
import { releaseNotes } from './rules/release-notes.ts';

/**
 * How milestones begin and end on the forge. What can't be done pauses the mission, with the reason: a person mends it,
 * maybe by an amendment of the plan, and resumes the mission; then it is tried again.
 */
export class MilestoneEnding {
  readonly #mission: MissionState;
  readonly #pause: (reason: string) => Promise<void>;

  constructor(of: { mission: MissionState; pause: (reason: string) => Promise<void> }) {
    this.#mission = of.mission;
    this.#pause = of.pause;
  }

  /** Without it each task opens its own when it starts, so a forge that refuses holds nobody up. */
  async open(): Promise<void> {
    const { plan } = this.#mission;
    const milestones = plan.milestones.map(({ id, title, tasks }) => ({
      id,
      title,
      tasks: tasks.map((task) => ({ id: task.id, title: task.title, goal: task.goal })),
    }));
    try {
      await call(this.#forgeSide().milestones.openMilestones, 'milestones and issues', {
        place: this.#place(),
        milestones,
      });
    } catch (error) {
      if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
      this.#mission.tell('ignored', `milestones and issues were not opened: ${describeFailure(error)}`);
    }
  }

  /** False: while it was verified the plan has got more for it. */
  async end(id: string): Promise<boolean> {
    const mission = this.#mission;
    for (let sha: string | undefined; ;) {
      await condition(() => mission.view.paused === null);
      const milestone = mission.milestone(id);
      if (!mission.isComplete(milestone)) return false;
      try {
        // What is verified once stays what is released, however often the forge has to be asked.
        sha ??= await this.#verify(milestone);
        if (mission.isComplete(mission.milestone(id))) {
          await this.#close(milestone, sha);
          return true;
        }
      } catch (error) {
        if (isCancellation(error)) throw error;
        if (error instanceof NotVerified) await this.#pause(`${id} is not verified: ${error.message}`);
        else if (error instanceof ActivityFailure) {
          await this.#pause(`${id} can't be completed: ${describeFailure(error)}`);
        } else throw error;
      }
    }
  }

  /** The commit of the base that is the milestone; empty where nobody asks which. */
  async #verify(milestone: PlannedMilestone): Promise<string> {
    const { verify: checks = [], release } = milestone;
    if (checks.length === 0 && release === undefined) return '';
    const { engine } = this.#mission.input;
    const { policy, repository } = this.#mission.plan;
    const place = this.#place();
    const { requireCi, checksTimeoutSeconds } = policy;
    const { base } = repository;
    const { baseSha: sha, verdict: ci } = await call(this.#forgeSide().ci.guardQueue, `${base} quiet`, {
      place,
      mustBeGreen: false,
      requireCi,
    });
    if (ci && !ciAllowsMerge(ci, { requireCi })) throw new NotVerified(`${base} is ${ci} at ${sha}`);
    if (checks.length === 0) return sha;
    const runs = hostRuns(slotsQueue(engine), checks.length * checksTimeoutSeconds);
    const verdict = await call(runs.verifyMilestone, `the checks of ${milestone.id} at ${sha}`, {
      ...{ place, milestone: milestone.id, sha, checks, checksTimeoutSeconds },
      // A run that was red is not asked again: each has a name of its own, also in the next run of this workflow.
      round: Date.now(),
    });
    if (verdict.kind === 'red') throw new NotVerified(`${verdict.message} at ${sha}\n${verdict.excerpt}`);
    return sha;
  }

  async #close(milestone: PlannedMilestone, sha: string): Promise<void> {
    const mission = this.#mission;
    const { id, title, release } = milestone;
    const made = await call(this.#forgeSide().milestones.closeMilestone, `close ${id}`, {
      place: this.#place(),
      milestone: { id, title },
      ...(release && {
        release: {
          tag: release.tag,
          title: release.title ?? null,
          notes: releaseNotes({ milestone, results: mission.results }),
          sha,
        },
      }),
    });
    const released = made.tag === null ? '' : `, released as ${made.tag} at ${sha}`;
    mission.tell('milestone-completed', `${id}: ${title}${released}`);
  }

  #place(): MissionPlace {
    const { engine, plan } = this.#mission.input;
    return { tenant: engine.tenant, mission: plan.mission, repository: plan.repository };
  }

  #forgeSide() {
    return forgeSide(this.#mission.input);
  }
}

/** Thrown within this file only: the milestone's own checks are red. */
class NotVerified extends Error {}
