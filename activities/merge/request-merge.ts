import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { signals, workflowTypes, type LaneInput } from '../../schema/contracts/messages.ts';
import { controlQueue, laneWorkflowId } from '../../schema/contracts/names.ts';
import type { MergeActivities } from '../../workflows/ports.ts';

/** How a task reaches the lane. A workflow can't signal-with-start, so an activity does. */
export function createRequestMerge(deps: {
  client: Client;
}): Pick<MergeActivities, 'requestMerge' | 'isOpen'> {
  const { client } = deps;
  return { requestMerge, isOpen };

  async function isOpen({ workflowId }: { workflowId: string }): Promise<{ open: boolean }> {
    try {
      const { status } = await client.workflow.getHandle(workflowId).describe();
      return { open: status.name === 'RUNNING' };
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      return { open: false };
    }
  }

  /** Wakes the lane or makes it. The lane knows requests by their id: one sent twice counts once. */
  async function requestMerge(input: Parameters<MergeActivities['requestMerge']>[0]): Promise<void> {
    const { engine, repository, request } = input;
    const lane: LaneInput = { engine, repository };
    await client.workflow.signalWithStart(workflowTypes.lane, {
      workflowId: laneWorkflowId({
        installation: engine.installation,
        repositoryId: repository.id,
        base: repository.base,
      }),
      taskQueue: controlQueue(engine.installation),
      args: [lane],
      signal: signals.mergeRequest,
      signalArgs: [request],
      staticSummary: `Merge lane of ${repository.base}, ${repository.address}`,
      staticDetails:
        'Updates, tests, merges and verifies one pull request at a time, in the order of the requests.',
    });
  }
}
