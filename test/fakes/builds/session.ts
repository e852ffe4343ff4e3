/** One session on a host, with nothing around it: what the forge and the gates do is not asked here. */
import { proxyActivities } from '@temporalio/workflow';
import { slotsQueue } from '../../../schema/contracts/names.ts';
import type { SessionSummary } from '../../../schema/contracts/session.ts';
import type { HostActivities, RunSessionInput } from '../../../workflows/ports.ts';

export async function session(of: { installation: string; input: RunSessionInput }): Promise<SessionSummary> {
  const { installation, input } = of;
  const { runSession } = proxyActivities<HostActivities>({
    taskQueue: slotsQueue({ installation, host: input.host }),
    startToCloseTimeout: '1h',
    heartbeatTimeout: '5s',
  });
  return runSession(input);
}
