/**
 * Records the histories of an installation's workflows as JSON, for `test/histories`. Recorded files are append-only:
 * a change of the workflows must still replay them.
 *   node dist/record-histories.js ADDRESS INSTALLATION FOLDER PREFIX
 */
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { execa } from 'execa';
import { findServer } from './toolchain.mjs';

const [address, installation, folder, prefix] = process.argv.slice(2);
if (!address || !installation || !folder || !prefix) {
  process.stderr.write('usage: record-histories ADDRESS INSTALLATION FOLDER PREFIX\n');
  process.exit(64);
}
const temporal = await findServer('cli');
const connection = await Connection.connect({ address });
await mkdir(folder, { recursive: true });
for await (const { workflowId, type } of new Client({ connection }).workflow.list()) {
  if (!workflowId.startsWith(`${installation}/`)) continue;
  const name = workflowId.slice(installation.length + 1).replaceAll(/[^A-Za-z0-9.-]+/g, '_');
  const path = join(folder, `${prefix}-${type}-${name}.json`);
  if (await isThere(path)) throw new Error(`${path} is recorded already: histories are append-only`);
  const args = ['workflow', 'show', '--address', address, '--workflow-id', workflowId, '--output', 'json'];
  const { stdout } = await execa(temporal, args, { maxBuffer: 64 * 1024 * 1024 });
  const history: unknown = JSON.parse(stdout);
  await writeFile(path, `${JSON.stringify(history)}\n`);
  process.stdout.write(`${path}\n`);
}
await connection.close();

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
