import type { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { attributeKeys } from '../schema/contracts/search-attributes.ts';

const { IndexedValueType } = proto.temporal.api.enums.v1;

/** Our attributes as the server wants them. */
const searchAttributes = Object.fromEntries(
  Object.values(attributeKeys).map(({ name, type }) => [
    name,
    IndexedValueType[`INDEXED_VALUE_TYPE_${type}`],
  ]),
);

/** A development server keeps ended workflows for a day: too short to look back at a mission. */
const retention = '30 days';

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
      config: { workflowExecutionRetentionTtl: msToTs(retention) },
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
