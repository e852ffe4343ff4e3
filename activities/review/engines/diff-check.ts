/** The reviewer `diff-check`: reads the diff for conflict markers, secrets, white space and oversized files. */
import { addedLines } from '../../git/file-changes.ts';
import { answer, git, presentFiles, readChange } from './change.ts';
import { lineFindings, sizeFinding } from './diff-rules.ts';

const change = readChange();
const diff = git(
  'diff',
  '--unified=0',
  '--no-color',
  '--no-ext-diff',
  // What a change says of its own files must not hide them from review.
  '--text',
  '--no-textconv',
  '--no-renames',
  change.base,
  change.head,
);
const sizes = presentFiles(change).map((file) => {
  const bytes = Number(git('cat-file', '-s', `${change.head}:${file}`));
  return sizeFinding(file, bytes);
});
answer(
  [...sizes.filter((finding) => finding !== undefined), ...addedLines(diff).flatMap(lineFindings)],
  'no conflict markers, secrets, stray white space or oversized files',
);
