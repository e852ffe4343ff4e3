import type { Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import Long from 'long';

const { IndexedValueType } = proto.temporal.api.enums.v1;

/** Two keywords, an int and a bool of the ten keywords that SQL visibility has. See `workflows/visibility.ts`. */
export const searchAttributes = {
  MissionPhase: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
  Repository: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
  TenantId: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
  PullRequest: IndexedValueType.INDEXED_VALUE_TYPE_INT,
  NeedsHuman: IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
} as const;

/** A development server keeps ended workflows for a day: too short to look back at a mission. */
const retentionSeconds = 30 * 24 * 3_600;

/**
 * Prepares the namespace: longer retention on our own server, and our search attributes. Answers whether they can be
 * used: an attribute that is not registered would wedge every workflow that sets it.
 */
export async function prepareNamespace(of: {
  connection: Connection;
  namespace: string;
  ours: boolean;
}): Promise<{ searchAttributes: boolean }> {
  const { connection, namespace, ours } = of;
  if (ours) {
    await connection.workflowService.updateNamespace({
      namespace,
      config: { workflowExecutionRetentionTtl: { seconds: Long.fromNumber(retentionSeconds) } },
    });
  }
  try {
    const known = await connection.operatorService.listSearchAttributes({ namespace });
    const missing = Object.entries(searchAttributes).filter(([name]) => !(name in known.customAttributes));
    if (missing.length > 0) {
      await connection.operatorService.addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(missing),
      });
    }
    return { searchAttributes: true };
  } catch {
    // A server that we may not change: missions run without attributes.
    return { searchAttributes: false };
  }
}
