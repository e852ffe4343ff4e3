/** Writes the published JSON Schemas: `npm run schemas`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../schema/package-root.ts';
import { asText, published } from '../schema/published.ts';

const folder = join(packageRoot(), 'docs/schemas');
await mkdir(folder, { recursive: true });
for (const [name, schema] of Object.entries(published)) {
  await writeFile(join(folder, name), asText(schema));
  process.stdout.write(`docs/schemas/${name}\n`);
}
