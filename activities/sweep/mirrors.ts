/** Refs of ended tasks in the engine's copies of repositories, and the room that they take. */
import { readdir } from 'node:fs/promises';
import type { DataPaths } from '../data-paths.ts';
import type { Git } from '../git/git.ts';
import type { Workspace } from '../git/workspace.ts';

export interface Ref {
  name: string;
  sha: string;
}

/** Git's own `gc` waits for more; each of these is a file. */
const mostLoose = 1_000;
const mostPacks = 20;

/**
 * An object that no ref holds may be about to be used: by a fetch that found it, or a task that comes next. Git's own
 * grace is two weeks.
 */
const graceOfObjects = '2.weeks.ago';

export interface Mirrors {
  /** The ids of the repositories that there is a copy of. */
  list(): Promise<string[]>;
  refsOf(repositoryId: string): Promise<Ref[]>;
  /** Removes each ref that is still where it was seen. */
  removeRefs(repositoryId: string, refs: readonly Ref[]): Promise<void>;
  /** Whether it has so many files that packing it is worth the work. */
  isScattered(repositoryId: string): Promise<boolean>;
  /** Refs stay loose: they are read as files. `prune`: nobody works on the repository. */
  pack(of: { repositoryId: string; prune: boolean }): Promise<void>;
}

export function createMirrors(deps: { git: Git; workspace: Workspace; paths: DataPaths }): Mirrors {
  const { git, workspace, paths } = deps;
  return { list, refsOf, removeRefs, isScattered, pack };

  async function list(): Promise<string[]> {
    const names = await readdir(paths.mirrors).catch(() => []);
    return names.flatMap((name) => (name.endsWith('.git') ? [name.slice(0, -'.git'.length)] : []));
  }

  async function refsOf(repositoryId: string): Promise<Ref[]> {
    const args = ['for-each-ref', '--format=%(refname) %(objectname)'];
    const { stdout } = await git.run({ cwd: paths.mirror(repositoryId), args });
    return stdout.split('\n').flatMap((line) => {
      const [name, sha] = line.split(' ');
      return name !== undefined && sha !== undefined ? [{ name, sha }] : [];
    });
  }

  async function removeRefs(repositoryId: string, refs: readonly Ref[]): Promise<void> {
    await workspace.inMirror(repositoryId, async (mirror) => {
      for (const { name, sha } of refs) {
        await git.run({ cwd: mirror, args: ['update-ref', '-d', name, sha], accept: [1, 128] });
      }
    });
  }

  async function isScattered(repositoryId: string): Promise<boolean> {
    const { stdout } = await git.run({ cwd: paths.mirror(repositoryId), args: ['count-objects', '-v'] });
    const count = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(stdout)?.[1] ?? 0);
    return count('count') > mostLoose || count('packs') > mostPacks;
  }

  async function pack(of: { repositoryId: string; prune: boolean }): Promise<void> {
    await workspace.inMirror(of.repositoryId, async (mirror) => {
      const dropping = ['-A', `--unpack-unreachable=${graceOfObjects}`];
      const args = ['repack', '-d', '-l', '-q', ...(of.prune ? dropping : [])];
      await git.run({ cwd: mirror, args });
      if (of.prune) await git.run({ cwd: mirror, args: ['prune', `--expire=${graceOfObjects}`] });
    });
  }
}
