/** What a wait for CI waits for at this moment. Its heartbeat tells it, and no event: so it is asked of Temporal. */
import { z } from 'zod';
import { CiWait } from '../schema/contracts/ci.ts';
import { laneWorkflowId, taskWorkflowId } from '../schema/contracts/names.ts';
import type { MissionView, TaskView } from '../schema/contracts/views.ts';
import type { ApiDeps } from './deps.ts';

/** A look takes some milliseconds. Whoever asks how a mission stands must not wait for a server that is down. */
const deadlineMs = 1_000;

const waits: ReadonlySet<string> = new Set(['awaitCi', 'guardQueue']);

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
      const workflowId = waiterOf(task);
      if (task.waits === null || workflowId === undefined) return task;
      const looked = asked.get(workflowId) ?? lateIn(deps, workflowId);
      asked.set(workflowId, looked);
      const late = await looked;
      return late === undefined ? task : { ...task, waits: { ...task.waits, late } };
    }),
  );

  /** The workflow that asks for CI. */
  function waiterOf({ id: task, gate, status, waits: wait }: TaskView): string | undefined {
    if (status !== 'running' || wait === null || wait.for === 'person') return undefined;
    switch (gate) {
      case 'queue-guard':
      case 'review-and-ci':
        return taskWorkflowId({ installation, mission, task });
      case 'merge-lane':
      case 'verify-merge':
        return laneWorkflowId({ installation, repositoryId: repository.id, base: repository.base });
      default:
        return undefined;
    }
  }
}

/** Undefined where nothing is late, or Temporal does not say. */
async function lateIn(
  { client, log }: Pick<ApiDeps, 'client' | 'log'>,
  workflowId: string,
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
    log(error, { workflowId });
    return undefined;
  }
}
