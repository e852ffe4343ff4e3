import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { InTemporal } from './rules.ts';

const closed: ReadonlySet<string> = new Set(['COMPLETED', 'FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT']);

/** How a workflow stands: its newest run, as after a reset. What is not known to be closed counts as open. */
export function createAskTemporal(deps: { client: Client }): (workflowId: string) => Promise<InTemporal> {
  return async (workflowId) => {
    try {
      const { status, closeTime } = await deps.client.workflow.getHandle(workflowId).describe();
      if (!closed.has(status.name)) return { state: 'open' };
      return { state: 'closed', at: closeTime?.getTime() ?? null };
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return { state: 'none' };
      throw error;
    }
  };
}
