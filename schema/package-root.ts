import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** The folder with our package.json, from a source file as well as from a built one. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`no package.json stands above ${import.meta.url}`);
    folder = parent;
  }
  return folder;
}

/** The folder with what `npm run build` makes: the programs, the bundle of the workflows, the empty database. */
export function builtFolder(): string {
  return join(packageRoot(), 'dist');
}

const Package = z.object({ version: z.string() });

/** The version of the mission engine that runs here. */
export function packageVersion(): string {
  return Package.parse(JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'))).version;
}
