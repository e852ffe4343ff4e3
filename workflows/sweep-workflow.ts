import { hostQueue } from '../schema/contracts/names.ts';
import type { SweepInput, SweepReport } from '../schema/contracts/sweep.ts';
import { call, sweeps } from './proxies.ts';

/** Cleans up on a host what nobody owns any more. Its report is the workflow's result. */
export async function sweepWorkflow(input: SweepInput): Promise<SweepReport> {
  const { sweepHost } = sweeps(hostQueue(input));
  return call(sweepHost, input.dryRun ? 'look, and change nothing' : 'look, and clean up', input);
}
