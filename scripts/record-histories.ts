/**
 * Records the histories of a mission's workflows as JSON, for `test/histories`. Recorded files are append-only: a
 * change of the workflows must still replay them.
 *   node dist/record-histories.js ADDRESS INSTALLATION FOLDER PREFIX
 */
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';

export async function recordHistories(of: {
  address: string;
  installation: string;
  folder: string;
  prefix: string;
}): Promise<string[]> {
  const connection = await Connection.connect({ address: of.address });
  try {
    const client = new Client({ connection });
    await mkdir(of.folder, { recursive: true });
    const written: string[] = [];
    for await (const execution of client.workflow.list()) {
      const { workflowId } = execution;
      if (!workflowId.startsWith(`${of.installation}/`)) continue;
      const history = await client.workflow.getHandle(workflowId).fetchHistory();
      const name = workflowId.slice(of.installation.length + 1).replaceAll(/[^A-Za-z0-9.-]+/g, '_');
      const path = join(of.folder, `${of.prefix}-${execution.type}-${name}.json`);
      if (await isThere(path)) throw new Error(`${path} is recorded already: histories are append-only`);
      await writeFile(path, `${JSON.stringify(historyToJSON(history))}\n`);
      written.push(path);
    }
    return written;
  } finally {
    await connection.close();
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

const [address, installation, folder, prefix] = process.argv.slice(2);
if (!address || !installation || !folder || !prefix) {
  process.stderr.write('usage: record-histories ADDRESS INSTALLATION FOLDER PREFIX\n');
  process.exit(64);
}
for (const path of await recordHistories({ address, installation, folder, prefix })) {
  process.stdout.write(`${path}\n`);
}
