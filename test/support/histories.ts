import type { WorkflowHandle } from '@temporalio/client';

/** The whole history of a workflow as text, its payloads decoded: what is said nowhere in it, Temporal does not have. */
export async function historyText(handle: Pick<WorkflowHandle, 'fetchHistory'>): Promise<string> {
  return JSON.stringify(await handle.fetchHistory(), withPayloads);
}

/** A message of Temporal's tells its bytes as base64 before a replacer sees them; the bytes of payloads are `data`. */
function withPayloads(key: string, value: unknown): unknown {
  return key === 'data' && typeof value === 'string' ? Buffer.from(value, 'base64').toString() : value;
}
