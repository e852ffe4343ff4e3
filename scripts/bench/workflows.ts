/** Starting workflows of both kinds on a benchmark's workers, and waiting for their ends. */
import type { Client } from '@temporalio/client';
import { missionWorkflowId, taskWorkflowId } from '../../schema/contracts/names.ts';
import type { BenchServer } from './bench-server.ts';
import type { BenchWorker } from './bench-worker.ts';
import { bareWorkflowId, type MissionOrder } from './orders.ts';

let runs = 0;

/** No two workflows of a benchmark share a name. */
export function freshKey(kind: string): string {
  runs += 1;
  return `${kind}-${runs}`;
}

export async function runBare(server: BenchServer, worker: BenchWorker): Promise<string> {
  const key = freshKey('bare');
  await worker.start({ kind: 'bare', key });
  const id = bareWorkflowId({ installation: server.installation, key });
  await server.client.workflow.getHandle(id).result();
  return id;
}

/** Runs a mission whose tasks all merge; anything else is a failure of the benchmark. */
export async function runMission(
  server: BenchServer,
  worker: BenchWorker,
  of: Omit<MissionOrder, 'kind' | 'key'>,
): Promise<{ mission: string; taskId: (task: string) => string }> {
  const key = freshKey('mission');
  await worker.start({ kind: 'mission', key, ...of });
  const { installation } = server;
  const mission = missionWorkflowId({ installation, mission: key });
  const result: unknown = await server.client.workflow.getHandle(mission).result();
  if (!isCompleted(result)) throw new Error(`mission ${key} did not complete: ${JSON.stringify(result)}`);
  return { mission, taskId: (task) => taskWorkflowId({ installation, mission: key, task }) };
}

function isCompleted(result: unknown): boolean {
  return typeof result === 'object' && result !== null && 'status' in result && result.status === 'completed';
}

/** From start to close by the server's clock, in milliseconds, and the length of the history in events. */
export async function measure(
  client: Client,
  workflowId: string,
): Promise<{ startedAt: number; endedAt: number; wallMs: number; events: number }> {
  const { startTime, closeTime, historyLength } = await client.workflow.getHandle(workflowId).describe();
  if (!closeTime) throw new Error(`${workflowId} has not ended`);
  const startedAt = startTime.getTime();
  const endedAt = closeTime.getTime();
  return { startedAt, endedAt, wallMs: endedAt - startedAt, events: historyLength };
}

/** Runs the steps with so many at a time. */
export async function inParallel(width: number, steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  const left = [...steps].reverse();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let step = left.pop(); step; step = left.pop()) await step();
    }),
  );
}
