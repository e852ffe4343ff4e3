import {
  CancellationScope,
  ChildWorkflowCancellationType,
  ChildWorkflowFailure,
  condition,
  isCancellation,
  ParentClosePolicy,
  startChild,
  TemporalFailure,
  WorkflowIdReusePolicy,
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import {
  signals,
  type Hold,
  type PauseRequest,
  type TaskInput,
  type TaskResult,
} from '../schema/contracts/messages.ts';
import type { Policy } from '../schema/contracts/mission-file.ts';
import { taskWorkflowId } from '../schema/contracts/names.ts';
import { toStartedTask, type PlannedMilestone, type PlannedTask } from '../schema/contracts/plan.ts';
import { startAttributes } from '../schema/contracts/search-attributes.ts';
import type { MissionState } from './mission-state.ts';
import { taskWorkflow } from './task-workflow.ts';

/** The tasks of a mission that are at work: child workflows, each told of a pause, each waited for. */
export class RunningTasks {
  readonly #mission: MissionState;
  readonly #runs = new Set<Promise<void>>();
  readonly #handles = new Map<string, ChildWorkflowHandle<typeof taskWorkflow>>();

  constructor(mission: MissionState) {
    this.#mission = mission;
  }

  start(milestone: PlannedMilestone, task: PlannedTask): void {
    const run = this.#run(milestone, task)
      .then((result) => this.#mission.taskEnded(result))
      .finally(() => {
        this.#handles.delete(task.id);
        this.#runs.delete(run);
      });
    this.#runs.add(run);
  }

  /** Until a task has ended or the mission was told something. Cancelled, it ends when the last task has. */
  async untilChange(): Promise<void> {
    const seen = this.#mission.changes;
    const scope = new CancellationScope();
    try {
      await Promise.race([...this.#runs, scope.run(() => condition(() => this.#mission.changes > seen))]);
    } catch (error) {
      // A cancelled mission ends when the last of its tasks has been cleaned up.
      await CancellationScope.nonCancellable(() => Promise.allSettled(this.#runs));
      throw error;
    } finally {
      scope.cancel();
    }
  }

  async hold(pause: PauseRequest): Promise<void> {
    await this.#tell(signals.hold, toHold(pause));
  }

  async goOn(): Promise<void> {
    await this.#tell(signals.goOn);
  }

  /** What the policy allows those that run, after an amendment of it. */
  async tellPolicy(): Promise<void> {
    await Promise.all([...this.#handles].map(([task, handle]) => this.#tellPolicyTo(task, handle)));
  }

  async #tellPolicyTo(task: string, handle: ChildWorkflowHandle<typeof taskWorkflow>): Promise<void> {
    await signalTask(handle, signals.policy, [this.#mission.amendedPolicyFor(task)]);
  }

  /** What one task has used, the others can't: they are told. */
  async hearUsed(raw: unknown): Promise<void> {
    this.#mission.hearUsed(raw);
    await Promise.all(
      [...this.#handles].map(([task, handle]) =>
        signalTask(handle, signals.used, [this.#mission.usedByOthers(task)]),
      ),
    );
  }

  /** A signal to every task that runs. One that has just ended needs none. */
  async #tell(signal: string, ...args: unknown[]): Promise<void> {
    await Promise.all([...this.#handles.values()].map((handle) => signalTask(handle, signal, args)));
  }

  async #run(milestone: PlannedMilestone, task: PlannedTask): Promise<TaskResult> {
    const mission = this.#mission;
    try {
      const { policy } = mission.plan;
      const handle = await startTask(mission, milestone, task);
      this.#handles.set(task.id, handle);
      // Amended while it was being started.
      if (allowsOther(policy, mission.plan.policy)) await this.#tellPolicyTo(task.id, handle);
      // It was started when the mission was not paused, and may have come up after.
      const { paused } = mission.view;
      if (paused) await signalTask(handle, signals.hold, [toHold(paused)]);
      return await handle.result();
    } catch (error) {
      if (!(error instanceof ChildWorkflowFailure) || CancellationScope.current().consideredCancelled)
        throw error;
      // Somebody has cancelled this one task; the mission goes on without it.
      if (isCancellation(error)) {
        return { task: task.id, status: 'cancelled', mergeSha: null, reason: 'the task was cancelled' };
      }
      const reason = error.cause?.message ?? error.message;
      return { task: task.id, status: 'failed', mergeSha: null, reason };
    }
  }
}

/** Whether it differs in what tasks at work are told: an amendment puts other objects in their place. */
function allowsOther(before: Policy, after: Policy): boolean {
  return (
    before.budget !== after.budget ||
    before.noProgress !== after.noProgress ||
    before.fallback !== after.fallback
  );
}

function toHold({ by }: { by: string }): Hold {
  return { by };
}

async function startTask(
  mission: MissionState,
  milestone: PlannedMilestone,
  task: PlannedTask,
): Promise<ChildWorkflowHandle<typeof taskWorkflow>> {
  const { plan } = mission;
  const { engine } = mission.input;
  const { priority } = plan.policy;
  const input: TaskInput = {
    engine,
    mission: plan.mission,
    milestone: milestone.id,
    repository: plan.repository,
    policy: plan.policy,
    task: toStartedTask({ plan, milestone, task }),
    ...(engine.milestones === undefined ? {} : { milestoneTitle: milestone.title }),
    ...(plan.policy.budget === undefined ? {} : { usedByOthers: mission.usedByOthers(task.id) }),
    ...(plan.reviewAgents === undefined ? {} : { reviewAgents: plan.reviewAgents }),
  };
  return startChild(taskWorkflow, {
    args: [input],
    workflowId: taskWorkflowId({ installation: engine.installation, mission: plan.mission, task: task.id }),
    // A task that has ended never runs again under its name; one that failed may.
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    // A mission that is terminated by hand must not leave agents at work.
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    staticSummary: `${task.id}: ${task.title}`,
    staticDetails: task.goal,
    // Its activities inherit it.
    ...(priority === undefined ? {} : { priority: { priorityKey: priority } }),
    typedSearchAttributes: startAttributes({
      engine,
      repository: plan.repository.address,
      phase: 'implementing',
    }),
  });
}

async function signalTask(
  handle: ChildWorkflowHandle<typeof taskWorkflow>,
  signal: string,
  args: unknown[],
): Promise<void> {
  try {
    await handle.signal(signal, ...args);
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
  }
}
