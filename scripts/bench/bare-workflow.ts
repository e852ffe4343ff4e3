/** What everything is measured against: nothing but ordinary activities in a row. */
import { proxyActivities } from '@temporalio/workflow';

export interface BareActivities {
  step(input: { number: number }): Promise<{ number: number }>;
}

const { step } = proxyActivities<BareActivities>({ startToCloseTimeout: '1m' });

export async function bareWorkflow(input: { steps: number }): Promise<number> {
  let done = 0;
  while (done < input.steps) ({ number: done } = await step({ number: done + 1 }));
  return done;
}
