import type { Finding } from '../../schema/contracts/review.ts';
import { fileChanges } from '../git/file-changes.ts';
import { isTreePath, mergeBase, type Git } from '../git/git.ts';

/** Lines around a change that a forge shows, and lets people comment on. */
const contextLines = 3;

/**
 * Whether the diff of a pull request shows a line of the new version of a file. Only the files of the findings are looked
 * at. A file that was moved counts as new here; a forge that sees it as moved may refuse one of its lines.
 */
export async function linesInDiff(of: {
  git: Git;
  cwd: string;
  base: string;
  head: string;
  findings: readonly Finding[];
}): Promise<(place: { file: string; line: number }) => boolean> {
  const { git, cwd, base, head } = of;
  const files = of.findings
    .flatMap(({ file, line }) => (line === undefined ? [] : (file ?? [])))
    .filter(isTreePath);
  if (files.length === 0) return () => false;
  // A forge compares with where the branch began, however far the base has gone since.
  const start = await mergeBase(git, { cwd, one: base, other: head });
  if (start === undefined) return () => false;
  const form = ['--no-color', '--no-ext-diff', '--no-textconv', '--no-renames', `--unified=${contextLines}`];
  const args = ['--literal-pathspecs', 'diff', ...form, start, head, '--', ...new Set(files)];
  const shown = new Map(
    fileChanges((await git.run({ cwd, args })).stdout).map(({ to, hunks }) => [to, hunks]),
  );
  return ({ file, line }) => shown.get(file)?.some(([from, to]) => from <= line && line <= to) ?? false;
}
