import { randomUUID } from 'node:crypto';
import { access, chmod, lstat, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Puts a text in the place of a file in one step: whoever looks sees the old or the new one. A `durable` one is on the
 * disk when this ends, and so outlives the machine's death; that takes some milliseconds.
 */
export async function replaceFile(
  path: string,
  text: string,
  { mode = 0o644, durable = false }: { mode?: number; durable?: boolean } = {},
): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  const file = await open(draft, 'w', mode);
  try {
    // Whatever the umask is.
    await file.chmod(mode);
    await file.writeFile(text);
    if (durable) await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
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

/** What statfs(2) tells of the file system that a folder is on: blocks for ordinary users, and the bytes of one. */
export type ReadDisk = (folder: string) => Promise<{ bavail: number; bsize: number }>;

/** What is free, in bytes, on the file system that a folder is on. */
export async function freeBytes(folder: string, readDisk: ReadDisk = statfs): Promise<number> {
  const { bavail, bsize } = await readDisk(folder);
  return bavail * bsize;
}

/** What a file or a folder takes on its disk. What is gone meanwhile, or can't be read, takes nothing. */
export async function sizeOf(path: string): Promise<number> {
  const stat = await lstat(path).catch(() => undefined);
  if (!stat) return 0;
  let bytes = stat.blocks * 512;
  if (stat.isDirectory()) {
    for (const name of await readdir(path).catch(() => [])) bytes += await sizeOf(join(path, name));
  }
  return bytes;
}
