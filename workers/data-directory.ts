import { createHash, randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { z } from 'zod';
import { dataPaths, type DataPaths } from '../activities/data-paths.ts';
import { replaceFile } from '../activities/files.ts';
import { engineGitConfig } from '../activities/git/git.ts';

/** Where a running engine can be reached, for the other commands of this machine. */
export const EngineAddress = z.object({
  url: z.string(),
  pid: z.number(),
  installation: z.string(),
  temporal: z.string(),
  namespace: z.string(),
  temporalUi: z.string().nullable(),
});
export type EngineAddress = z.infer<typeof EngineAddress>;

export interface DataDirectory {
  paths: DataPaths;
  pglite: string;
  /** What tells this folder from any other, wherever it is mounted: random, made once. */
  identity(): Promise<string>;
  release(): Promise<void>;
}

/**
 * Opens a data directory for this process alone. The kernel keeps the lock, an abstract socket named after the
 * folder, so that a killed process leaves none behind: two processes on one PGlite would ruin it.
 */
export async function openDataDirectory(folder: string): Promise<DataDirectory> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // It may have been there before, open to others; tokens and histories lie in it.
  await chmod(folder, 0o700);
  const root = await realpath(folder);
  const release = await lockFolder(root);
  const paths = dataPaths(root);
  await writeFile(paths.gitConfig, engineGitConfig());
  return { paths, pglite: join(root, 'pglite'), identity: () => readIdentity(root), release };
}

/** Takes the lock on a data directory, and answers how to give it back; undefined if an engine has it. */
export async function lockUnlessInUse(folder: string): Promise<(() => Promise<void>) | undefined> {
  return lockFolder(await realpath(folder)).catch((error: unknown) => {
    if (error instanceof DirectoryInUse) return undefined;
    throw error;
  });
}

class DirectoryInUse extends Error {
  override readonly name = 'DirectoryInUse';
}

async function lockFolder(root: string): Promise<() => Promise<void>> {
  const name = createHash('sha256').update(root).digest('hex').slice(0, 32);
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const taken = 'code' in error && error.code === 'EADDRINUSE';
      const message = `another engine works in ${root}: stop it, or choose another folder with --data`;
      reject(taken ? new DirectoryInUse(message) : error);
    });
    server.listen(`\0mission-data-${name}`, resolve);
  });
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}

/** Made under the folder's lock: nobody else makes another. */
async function readIdentity(root: string): Promise<string> {
  const path = join(root, 'host-id');
  const standing = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (standing !== '') return standing;
  const identity = randomUUID();
  await replaceFile(path, `${identity}\n`);
  return identity;
}

const addressFile = 'engine.json';

/** What names this directory's workflows in Temporal: a database that was lost finds them again by it. */
const installationFile = 'installation';
const InstallationId = z.string().regex(/^i[0-9a-f]{8}$/);

export const adminTokenFile = 'admin-token';

export async function writeAddress(root: string, address: EngineAddress): Promise<void> {
  await replaceFile(join(root, addressFile), JSON.stringify(address));
}

export async function removeAddress(root: string): Promise<void> {
  await rm(join(root, addressFile), { force: true });
}

/** The address of the engine that works in this folder, as it last wrote it; undefined when none has. */
export async function readAddress(root: string): Promise<EngineAddress | undefined> {
  const text = await readFile(join(root, addressFile), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : EngineAddress.parse(JSON.parse(text));
}

/** The installation that last worked in this folder; undefined when none has. */
export async function readInstallationFile(root: string): Promise<string | undefined> {
  const path = join(root, installationFile);
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const id = InstallationId.safeParse(text.trim());
  if (!id.success) throw new Error(`${path} holds no installation id: mend it from a backup, or remove it`);
  return id.data;
}

export async function writeInstallationFile(root: string, id: string): Promise<void> {
  await replaceFile(join(root, installationFile), `${id}\n`);
}

/** Writes a secret so that only its owner ever could read it. */
export async function writeSecret(path: string, secret: string): Promise<void> {
  await replaceFile(path, `${secret}\n`, { mode: 0o600 });
}
