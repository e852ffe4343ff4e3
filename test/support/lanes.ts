import type { WorkflowHandle } from '@temporalio/client';
import { signals } from '../../schema/contracts/messages.ts';
import { laneWorkflowId } from '../../schema/contracts/names.ts';
import { repository } from './plans.ts';
import { until } from './until.ts';
import type { TestEngine } from './workers.ts';

/** The lane of the one repository that fake worlds have. */
export function laneOf({ client, facts }: TestEngine): WorkflowHandle {
  const { installation } = facts;
  const { id: repositoryId, base } = repository;
  return client.workflow.getHandle(laneWorkflowId({ installation, repositoryId, base }));
}

/** The lane has as many requests, served or waiting. */
export function requestsHeard(engine: TestEngine, count: number): Promise<void> {
  return until(async () => {
    const history = await laneOf(engine)
      .fetchHistory()
      .catch(() => undefined);
    return JSON.stringify(history ?? '').split(`"${signals.mergeRequest}"`).length > count;
  });
}
