/** A change as a reviewer is told it: whole files of it, as many as a prompt has room for. */
import { cutText } from '../../schema/contracts/cut.ts';
import type { Git } from '../git/git.ts';
import { readChange } from '../git/large-files.ts';

/** Some 50,000 tokens: a model with a window of 200,000 has room left to read on and to think. */
export const maxDiffCharacters = 200_000;

/** Of both sides together. A larger file is generated, or read better by itself; reading it all would take memory. */
const maxFileBytes = 1024 * 1024;

/** More names nobody reads; all of them are told by the command that stands beside them. */
const mostNames = 100;

/** What people say of their commits is read, and a novel is not. */
const maxLogCharacters = 8_000;

export interface BoundedDiff {
  /** Whole files of the diff, one after another. */
  text: string;
  /** Files that are left out, as git names them. */
  leftOut: string[];
  /** How many more are left out than are named. */
  unnamed: number;
}

/** Asked of the engine's own copy: in the reviewer's checkout git would do what the change says. */
export async function readBoundedDiff(of: {
  git: Git;
  mirror: string;
  baseSha: string;
  headSha: string;
  maxCharacters?: number;
}): Promise<BoundedDiff> {
  const { git, mirror: cwd, baseSha, headSha, maxCharacters = maxDiffCharacters } = of;
  const { stdout, large } = await readChange(git, {
    ...{ cwd, command: ['diff'], commits: [baseSha, headSha], maxFileBytes },
    form: [
      '--no-color',
      '--no-ext-diff',
      '--no-textconv',
      '--no-renames',
      '--src-prefix=a/',
      '--dst-prefix=b/',
    ],
  });
  return bound(filesOf(stdout), { large, maxCharacters });
}

/** The messages of a change's commits, oldest first. */
export async function readCommits(of: {
  git: Git;
  mirror: string;
  baseSha: string;
  headSha: string;
}): Promise<string> {
  const { git, mirror: cwd, baseSha, headSha } = of;
  // As many as there may be in full, and one more line for each that has no body.
  const args = [
    'log',
    '--reverse',
    '--no-color',
    '--max-count=200',
    '--format=%h %an: %B',
    `${baseSha}..${headSha}`,
  ];
  const { stdout } = await git.run({ cwd, args });
  return cutText(stdout, maxLogCharacters, `read \`git log ${baseSha}..${headSha}\``);
}

/** Cut where a file begins: each line within one has a mark of its own before it. */
function filesOf(diff: string): string[] {
  return diff.split(/^(?=diff --git )/m).filter((text) => text !== '');
}

function bound(
  files: readonly string[],
  of: { large: readonly string[]; maxCharacters: number },
): BoundedDiff {
  const names = of.large.map(asGitQuotes);
  let text = '';
  for (const file of files) {
    if (text.length + file.length <= of.maxCharacters) text += file;
    else names.push(nameOf(file));
  }
  return { text, leftOut: names.slice(0, mostNames), unnamed: Math.max(0, names.length - mostNames) };
}

/** `diff --git a/NAME b/NAME`, or both in quotes: without renames the two halves are of one length. */
function nameOf(file: string): string {
  const [first = ''] = file.split('\n', 1);
  const both = first.slice('diff --git '.length);
  return both.slice(0, (both.length - 1) / 2).replace(/^("?)a\//, '$1');
}

/** On one line, whatever is in it. */
function asGitQuotes(path: string): string {
  const quoted = JSON.stringify(path);
  return quoted === `"${path}"` ? path : quoted;
}
