import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { dataPaths, type DataPaths } from '../../activities/data-paths.ts';
import { createEffects } from '../../activities/effects.ts';
import { createLocalForge } from '../../activities/forge/local/local-forge.ts';
import { LocalStore } from '../../activities/forge/local/local-store.ts';
import type { Forge } from '../../activities/forge/forge.ts';
import { createGit, engineGitConfig, type Git } from '../../activities/git/git.ts';
import { createWorkspace, type Workspace } from '../../activities/git/workspace.ts';
import type { PlannedRepository } from '../../schema/contracts/plan.ts';
import type { Queries } from '../../schema/db/database.ts';
import { temporaryFolder, type AtEnd } from './temporary.ts';

/** A real bare repository with a first commit, the engine's own copy of it, and somebody who works on it. */
export interface TestRepository {
  git: Git;
  paths: DataPaths;
  workspace: Workspace;
  planned: PlannedRepository;
  /** Commits files on a branch of somebody's own clone, from the base or from the branch, and pushes it. */
  commit(of: {
    branch: string;
    files: Record<string, string | null>;
    from?: string;
    date?: Date;
  }): Promise<string>;
  /** Merges one branch of somebody's clone into another, and pushes it. */
  merge(of: { branch: string; other: string }): Promise<string>;
  /** The subjects of the base branch, newest first. */
  history(): Promise<string[]>;
}

/** A repository that a forge has, still empty, and how git reaches it. */
export interface Origin {
  forge: PlannedRepository['forge'];
  address: string;
  settings: (address: string) => Promise<Record<string, string>>;
}

/** Without an origin it is a bare repository of its own. */
export async function makeRepository(
  files: Record<string, string>,
  atEnd?: AtEnd,
  origin?: Origin,
): Promise<TestRepository> {
  const root = await temporaryFolder(atEnd);
  const paths = dataPaths(join(root, 'data'));
  await mkdir(paths.root, { recursive: true });
  await writeFile(paths.gitConfig, engineGitConfig());
  const git = createGit({
    configFile: paths.gitConfig,
    ...(origin ? { remoteSettings: origin.settings } : {}),
  });
  const workspace = createWorkspace({ git, paths });
  const bare = join(root, 'greeter.git');
  const clone = join(root, 'somebody');
  if (!origin) await git.run({ cwd: root, args: ['init', '--quiet', '--bare', bare] });
  const { forge, address } = origin ?? { forge: 'local', address: bare };
  const remote = address;
  await git.run({ cwd: root, args: ['clone', '--quiet', address, clone], remote });
  await write(files);
  await git.run({ cwd: clone, args: ['checkout', '--quiet', '-B', 'main'] });
  await git.run({ cwd: clone, args: ['add', '--all'] });
  await git.run({ cwd: clone, args: ['commit', '--quiet', '--message', 'first'] });
  await git.run({ cwd: clone, args: ['push', '--quiet', 'origin', 'main'], remote });
  const planned: PlannedRepository = { id: 'r1', forge, address, base: 'main' };
  return { git, paths, workspace, planned, commit, merge, history };

  async function write(changes: Record<string, string | null>): Promise<void> {
    for (const [name, text] of Object.entries(changes)) {
      const path = join(clone, name);
      await mkdir(dirname(path), { recursive: true });
      if (text !== null) await writeFile(path, text);
      else await git.run({ cwd: clone, args: ['rm', '--quiet', name] });
    }
  }

  async function commit(of: {
    branch: string;
    files: Record<string, string | null>;
    from?: string;
    date?: Date;
  }): Promise<string> {
    const { date } = of;
    await git.run({ cwd: clone, args: ['fetch', '--quiet', 'origin'], remote });
    await git.run({ cwd: clone, args: ['checkout', '--quiet', '-B', of.branch, of.from ?? 'origin/main'] });
    await write(of.files);
    await git.run({ cwd: clone, args: ['add', '--all'] });
    const commitArgs = ['commit', '--quiet', '--message', `work on ${of.branch}`];
    await git.run({ cwd: clone, args: commitArgs, ...(date === undefined ? {} : { date }) });
    await git.run({ cwd: clone, args: ['push', '--quiet', 'origin', of.branch], remote });
    return (await git.run({ cwd: clone, args: ['rev-parse', 'HEAD'] })).stdout.trim();
  }

  async function merge(of: { branch: string; other: string }): Promise<string> {
    await git.run({ cwd: clone, args: ['checkout', '--quiet', of.branch] });
    await git.run({ cwd: clone, args: ['merge', '--quiet', '--no-ff', '--no-edit', of.other] });
    await git.run({ cwd: clone, args: ['push', '--quiet', 'origin', of.branch], remote });
    return (await git.run({ cwd: clone, args: ['rev-parse', 'HEAD'] })).stdout.trim();
  }

  async function history(): Promise<string[]> {
    await git.run({ cwd: clone, args: ['fetch', '--quiet', 'origin'], remote });
    const args = ['log', '--first-parent', '--format=%s', 'origin/main'];
    const { stdout } = await git.run({ cwd: clone, args });
    return stdout.split('\n');
  }
}

export function localForge(of: { git: Git; queries: Queries }): Forge {
  const { git, queries } = of;
  const store = new LocalStore({ queries, tenant: 'default' });
  return createLocalForge({ git, store, effects: createEffects({ queries }), tenant: 'default' });
}
