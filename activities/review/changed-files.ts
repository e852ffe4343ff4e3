/** What a reviewer has changed in its checkout, which it is to read only. */
import { basename } from 'node:path';
import type { Git } from '../git/git.ts';

/** How many of them are named: enough to know what it was about. */
const named = 5;

/**
 * Files of the head that differ, and, with `added`, those that it does not have: unless git ignores them, as it does
 * what a build or a cache leaves. A `.gitignore` that is new in a folder of the head counts too, or it could hide
 * others; one in a folder that is new itself may hide that, as caches do.
 *
 * It is asked of the mirror's git folder: the settings of the checkout are the reviewer's, and could name programs to
 * run. `index` is a file for git's own use.
 */
export async function changedInCheckout(of: {
  git: Git;
  mirror: string;
  checkout: string;
  headSha: string;
  index: string;
  added: boolean;
}): Promise<string[]> {
  const { git, mirror, checkout: cwd, headSha, index } = of;
  await run(['read-tree', headSha]);
  const changed = await run(['diff', '--name-only', '--no-renames', '-z', headSha, '--']);
  if (!of.added) return changed;
  const others = ['ls-files', '--others', '--directory', '--no-empty-directory', '-z'];
  const added = await run([...others, '--exclude-standard']);
  const hiding = (await run(others)).filter((file) => basename(file) === '.gitignore');
  return [...new Set([...changed, ...added, ...hiding])];

  async function run(command: string[]): Promise<string[]> {
    const files = ['-c', 'core.bare=false', `--git-dir=${mirror}`, `--work-tree=${cwd}`];
    const { stdout } = await git.run({ cwd, args: [...files, ...command], index });
    return stdout.split('\0').filter((file) => file !== '');
  }
}

export function describeChanged(files: readonly string[]): string {
  const more = files.length > named ? ` and ${files.length - named} more` : '';
  return `${files.slice(0, named).join(', ')}${more}`;
}
