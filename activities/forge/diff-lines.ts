import type { Git } from '../git/git.ts';

/** Lines around a change that a forge shows, and lets people comment on. */
const contextLines = 3;

/**
 * Whether the diff of a pull request shows a line of the new version of a file. Only the files in `files` are looked at.
 * A file that was moved counts as new here; a forge that sees it as moved may refuse one of its lines.
 */
export async function linesInDiff(of: {
  git: Git;
  cwd: string;
  base: string;
  head: string;
  files: readonly string[];
}): Promise<(place: { file: string; line: number }) => boolean> {
  const { git, cwd, base, head } = of;
  // A forge compares with where the branch began, however far the base has gone since.
  const found = await git.run({ cwd, args: ['merge-base', base, head], accept: [1] });
  const start = found.stdout.trim();
  const shown = new Map<string, [from: number, to: number][]>();
  if (start === '') return () => false;
  for (const file of new Set(of.files)) {
    const diff = ['diff', '--no-color', '--no-ext-diff', '--no-textconv', `--unified=${contextLines}`];
    const args = ['--literal-pathspecs', ...diff, start, head, '--', file];
    // A reviewer may name what is no path of a repository at all.
    const { stdout, exitCode } = await git.run({ cwd, args, accept: [128] });
    shown.set(file, exitCode === 0 ? hunksIn(stdout) : []);
  }
  return ({ file, line }) => shown.get(file)?.some(([from, to]) => from <= line && line <= to) ?? false;
}

/** Where each hunk stands in the new version. */
function hunksIn(diff: string): [number, number][] {
  const heads = diff.matchAll(/^@@ -\d+(?:,\d+)? \+(\d+)(?:,(\d+))? @@/gm);
  return [...heads].flatMap(([, from = '0', count = '1']): [number, number][] =>
    Number(count) === 0 ? [] : [[Number(from), Number(from) + Number(count) - 1]],
  );
}
