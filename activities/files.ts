import { access, chmod, lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Removes a folder with all that is in it, also where a program has closed a part of it to its own user. */
export async function removeTree(path: string): Promise<void> {
  const options = { recursive: true, force: true };
  try {
    await rm(path, options);
  } catch {
    await openTree(path);
    await rm(path, options);
  }
}

async function openTree(path: string): Promise<void> {
  if (!(await lstat(path)).isDirectory()) return;
  await chmod(path, 0o700);
  for (const name of await readdir(path)) await openTree(join(path, name));
}
