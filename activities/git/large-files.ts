import type { Git } from './git.ts';

/** Each of them is an argument of a command line; a change with more is no change of lines. */
const mostLargeFiles = 200;

/** What git is asked to compare at once, by the sizes of both sides: half of what may be read from it. */
const maxReadBytes = 32 * 1024 * 1024;

export interface ReadChange {
  /** What git prints; empty where more files are too large than can be left out one by one. */
  stdout: string;
  /** Paths that are not in it, in their order: each too large, or beyond what may be read at once. */
  large: string[];
}

/** Reads what files have become between commits, without those that are too large for it. */
export async function readChange(
  git: Git,
  of: {
    cwd: string;
    /** `diff`, or `log` with an empty format, and which changes it takes. */
    command: readonly string[];
    /** How it prints them. */
    form: readonly string[];
    commits: readonly string[];
    /** Of both sides together. */
    maxFileBytes: number;
  },
): Promise<ReadChange> {
  const { cwd, command, form, commits } = of;
  const large = await largeFiles(git, of);
  if (large.length > mostLargeFiles) return { stdout: '', large };
  const without = large.map((path) => `:(exclude,top,literal)${path}`);
  const paths = without.length === 0 ? [] : [':/', ...without];
  const { stdout } = await git.run({ cwd, args: [...command, ...form, ...commits, '--', ...paths] });
  return { stdout, large };
}

async function largeFiles(
  git: Git,
  of: { cwd: string; command: readonly string[]; commits: readonly string[]; maxFileBytes: number },
): Promise<string[]> {
  const { cwd, command, commits, maxFileBytes } = of;
  const args = [...command, '--raw', '-z', '--no-abbrev', '--no-renames', ...commits, '--'];
  // `:MODE MODE ID ID STATUS`, then the path, each ended by a NUL.
  const parts = (await git.run({ cwd, args })).stdout.split('\0').filter((part) => part !== '');
  const files = parts.flatMap((part, index) => {
    const path = parts[index + 1];
    return index % 2 === 1 || path === undefined ? [] : [{ path, ids: part.split(' ').slice(2, 4) }];
  });
  const ids = [...new Set(files.flatMap((file) => file.ids))].filter((id) => !/^0+$/.test(id));
  const check = ['cat-file', '--batch-check=%(objectname) %(objectsize)'];
  const { stdout } = await git.run({ cwd, args: check, input: `${ids.join('\n')}\n` });
  // Submodules are no objects of this repository; their diff is a line.
  const sizes = new Map(
    stdout.split('\n').map((line) => {
      const [id = '', size = '0'] = line.split(' ');
      return [id, Number(size) || 0];
    }),
  );
  const large = new Set<string>();
  let read = 0;
  for (const { path, ids: sides } of files) {
    const bytes = sides.reduce((sum, id) => sum + (sizes.get(id) ?? 0), 0);
    if (bytes > maxFileBytes || read + bytes > maxReadBytes) large.add(path);
    else read += bytes;
  }
  return [...large];
}
