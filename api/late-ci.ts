/** What a wait for CI waits for at this moment. Its heartbeat tells it, and no event: so it is asked of Temporal. */
import { WorkflowNotFoundError } from '@temporalio/client';
import { z } from 'zod';
import { CiWait } from '../schema/contracts/ci.ts';
import { laneWorkflowId, taskWorkflowId } from '../schema/contracts/names.ts';
import type { MissionView, TaskView } from '../schema/contracts/views.ts';
import type { ApiDeps } from './deps.ts';

/** A look takes some milliseconds. Whoever asks how a mission stands must not wait for a server that is down. */
const deadlineMs = 1_000;

const waits: ReadonlySet<string> = new Set(['awaitCi', 'guardQueue']);

interface Waiter {
  workflowId: string;
  /** A lane begins with its first request, which may still be on its way. */
  isLane: boolean;
}

/** The tasks, with what is late where they wait for CI, or for a lane that does. */
export async function withLateCi(
  deps: Pick<ApiDeps, 'client' | 'engine' | 'log'>,
  of: { mission: MissionView; tasks: readonly TaskView[] },
): Promise<TaskView[]> {
  const { installation } = deps.engine;
  const { id: mission, repository } = of.mission;
  const asked = new Map<string, Promise<string | undefined>>();

  return Promise.all(
    of.tasks.map(async (task) => {
      const waiter = waiterOf(task);
      if (task.waits === null || waiter === undefined) return task;
      const looked = asked.get(waiter.workflowId) ?? lateIn(deps, waiter);
      asked.set(waiter.workflowId, looked);
      const late = await looked;
      return late === undefined ? task : { ...task, waits: { ...task.waits, late } };
    }),
  );

  /** The workflow that asks for CI. */
  function waiterOf({ id: task, gate, status, waits: wait }: TaskView): Waiter | undefined {
    if (status !== 'running' || wait === null || wait.for === 'person') return undefined;
    switch (gate) {
      case 'queue-guard':
      case 'review-and-ci':
        return { workflowId: taskWorkflowId({ installation, mission, task }), isLane: false };
      case 'merge-lane':
      case 'verify-merge':
        return {
          workflowId: laneWorkflowId({ installation, repositoryId: repository.id, base: repository.base }),
          isLane: true,
        };
      default:
        return undefined;
    }
  }
}

/** Undefined where nothing is late, or Temporal does not say. */
async function lateIn(
  { client, log }: Pick<ApiDeps, 'client' | 'log'>,
  { workflowId, isLane }: Waiter,
): Promise<string | undefined> {
  try {
    const describe = () => client.workflow.getHandle(workflowId).describe();
    const { raw } = await client.withDeadline(Date.now() + deadlineMs, describe);
    const waiting = (raw.pendingActivities ?? []).find(({ activityType }) =>
      waits.has(activityType?.name ?? ''),
    );
    const { payloadConverter } = client.options.loadedDataConverter;
    const [beat] = waiting?.heartbeatDetails?.payloads ?? [];
    const told = CiWait.safeParse(beat && payloadConverter.fromPayload<unknown>(beat));
    if (told.success) return told.data.waitsFor;
    // One that has no room in its process fails, and is asked again.
    return z.string().min(1).safeParse(waiting?.lastFailure?.message).data;
  } catch (error) {
    if (!isLane || !(error instanceof WorkflowNotFoundError)) log(error, { workflowId });
    return undefined;
  }
}
