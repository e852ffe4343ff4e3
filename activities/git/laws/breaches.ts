import type { Breach } from '../../../schema/contracts/law.ts';
import { secretsIn } from '../../secret-forms.ts';
import { addedLines, fileChanges, type FileChange } from '../file-changes.ts';
import { readBlob, type Git } from '../git.ts';
import { readChange } from '../large-files.ts';
import { isTest } from '../test-files.ts';
import { weakenedChecks, type Manifest } from './weakened-checks.ts';
import { weakenedTests } from './weakened-tests.ts';

/** More nobody reads: that there are more is told. */
const mostTold = 50;

/** How diffs are asked for: what a change says of its own files must not hide them. */
const plainly = ['--unified=0', '--no-color', '--no-ext-diff', '--text', '--no-textconv', '--find-renames'];

/** Of both sides together: far above what people write by hand. */
const maxFileBytes = 8 * 1024 * 1024;

/** A change: the commits from `baseSha` to `headSha`, of which `forkedAt` is what both have in common. */
interface Change {
  /** The engine's own copy of the repository. */
  cwd: string;
  baseSha: string;
  forkedAt: string;
  headSha: string;
}

/** Where a change breaks a law. What could not be looked through counts as broken: whoever lets it through has to know. */
export async function breachesOf(git: Git, change: Change): Promise<Breach[]> {
  const found = [...(await secrets(git, change)), ...(await weakenings(git, change))];
  const more = found.slice(mostTold);
  const [untold] = more;
  if (untold === undefined) return found;
  const message = `${more.length} more are not told here, the first of them in ${untold.file}`;
  return [...found.slice(0, mostTold), { ...untold, sha: change.headSha, message }];
}

/** Every commit counts, whatever later ones take away again: all of them are pushed. So does what they say. */
async function secrets(git: Git, { cwd, baseSha, headSha }: Change): Promise<Breach[]> {
  const commits = [headSha, '--not', baseSha];
  const { stdout: log, large } = await readChange(git, {
    ...{ cwd, commits, maxFileBytes },
    // Of a merge what it has that neither side has, nor git would make of them. What is deleted brings nothing.
    command: ['log', '--format=', '--remerge-diff', '--diff-filter=d'],
    form: ['--format=commit %H', '--patch', ...plainly],
  });
  const inFiles = byCommit(log).flatMap(({ sha, lines }) =>
    addedLines(lines).flatMap(({ text, ...place }) => looksLikeSecret(text, { sha, ...place })),
  );
  const { stdout: messages } = await git.run({
    cwd,
    args: ['log', '-z', '--format=%H%n%B', ...commits, '--'],
  });
  const inMessages = messages.split('\0').flatMap((message) => {
    const [sha = ''] = message.split('\n', 1);
    return looksLikeSecret(message, { sha, file: 'the commit message' });
  });
  const unread = large.map((file): Breach => ({
    ...unreadable(file, 'secrets'),
    law: 'secret',
    sha: headSha,
  }));
  return [...inFiles, ...inMessages, ...unread];
}

function unreadable(file: string, what: string): { file: string; message: string } {
  return { file, message: `${file} is too large to be looked through for ${what}` };
}

function looksLikeSecret(text: string, place: Pick<Breach, 'sha' | 'file' | 'line'>): Breach[] {
  return secretsIn(text).map((name) => ({
    law: 'secret',
    ...place,
    message: `${place.file} has what looks like ${name}`,
  }));
}

/** Within a patch each line begins with what it is, so no content looks like the next commit. */
function byCommit(log: string): { sha: string; lines: string[] }[] {
  const commits: { sha: string; lines: string[] }[] = [];
  for (const line of log.split('\n')) {
    const sha = /^commit ([0-9a-f]+)$/.exec(line)?.[1];
    if (sha === undefined) commits.at(-1)?.lines.push(line);
    else commits.push({ sha, lines: [] });
  }
  return commits;
}

async function weakenings(git: Git, { cwd, forkedAt, headSha }: Change): Promise<Breach[]> {
  const { stdout, large } = await readChange(git, {
    ...{ cwd, commits: [forkedAt, headSha], maxFileBytes },
    ...{ command: ['diff'], form: plainly },
  });
  const changes = fileChanges(stdout);
  const manifests: Manifest[] = [];
  for (const { from, to } of changes.filter(isManifest)) {
    const before = from === null ? undefined : await readBlob(git, { cwd, commit: forkedAt, path: from });
    const after = to === null ? undefined : await readBlob(git, { cwd, commit: headSha, path: to });
    manifests.push({ file: to ?? from ?? '', before, after });
  }
  const unread = large.filter(isTest).map((file) => unreadable(file, 'weakened checks'));
  const found = [...weakenedTests(changes), ...weakenedChecks({ changes, manifests }), ...unread];
  return found.map((weakening) => ({ law: 'weakened-checks', sha: headSha, ...weakening }));
}

function isManifest({ from }: FileChange): boolean {
  return from !== null && /(?:^|\/)package\.json$/.test(from);
}
