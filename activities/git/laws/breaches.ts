import type { Breach } from '../../../schema/contracts/law.ts';
import { addedLines, fileChanges, type FileChange } from '../../review/engines/added-lines.ts';
import type { Git } from '../git.ts';
import { secretsIn } from './secrets.ts';
import { weakenedChecks, type Manifest } from './weakened-checks.ts';
import { weakenedTests } from './weakened-tests.ts';

/** So many are told; whoever mends these hears of the others. */
const mostTold = 50;

/** How diffs are asked for: what a change says of its own files must not hide them. */
const plainly = ['--unified=0', '--no-color', '--no-ext-diff', '--text', '--no-textconv'];

/** A change: the commits from `baseSha` to `headSha`, of which `forkedAt` is what both have in common. */
interface Change {
  /** The engine's own copy of the repository. */
  cwd: string;
  baseSha: string;
  forkedAt: string;
  headSha: string;
}

/** Where a change breaks a law. */
export async function breachesOf(git: Git, change: Change): Promise<Breach[]> {
  const found = [...(await secrets(git, change)), ...(await weakenings(git, change))];
  return found.slice(0, mostTold);
}

/** Every commit counts, whatever later ones take away again: all of them are pushed. So does what they say. */
async function secrets(git: Git, { cwd, baseSha, headSha }: Change): Promise<Breach[]> {
  const range = [headSha, '--not', baseSha, '--'];
  // Of a merge what it has that neither side has, nor git would make of them.
  const patches = ['log', '--format=commit %H', '--patch', '--remerge-diff', '--find-renames', ...plainly];
  const { stdout: log } = await git.run({ cwd, args: [...patches, ...range] });
  const inFiles = byCommit(log).flatMap(({ sha, lines }) =>
    addedLines(lines).flatMap(({ text, ...place }) => looksLikeSecret(text, { sha, ...place })),
  );
  const { stdout: messages } = await git.run({ cwd, args: ['log', '-z', '--format=%H%n%B', ...range] });
  const inMessages = messages.split('\0').flatMap((message) => {
    const [sha = ''] = message.split('\n', 1);
    return looksLikeSecret(message, { sha, file: 'the commit message' });
  });
  return [...inFiles, ...inMessages];
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
  const args = ['diff', '--find-renames', ...plainly, forkedAt, headSha, '--'];
  const changes = fileChanges((await git.run({ cwd, args })).stdout);
  const manifests = await Promise.all(
    changes.filter(isManifest).map(async ({ from, to }): Promise<Manifest> => {
      const before = await textAt(git, { cwd, sha: forkedAt, file: from });
      const after = await textAt(git, { cwd, sha: headSha, file: to });
      return { file: to ?? from ?? '', before, after };
    }),
  );
  return [...weakenedTests(changes), ...weakenedChecks({ changes, manifests })].map((weakening) => ({
    law: 'weakened-checks',
    sha: headSha,
    ...weakening,
  }));
}

function isManifest({ from }: FileChange): boolean {
  return from !== null && /(?:^|\/)package\.json$/.test(from);
}

async function textAt(
  git: Git,
  of: { cwd: string; sha: string; file: string | null },
): Promise<string | undefined> {
  if (of.file === null) return undefined;
  const { stdout, exitCode } = await git.run({
    cwd: of.cwd,
    args: ['show', `${of.sha}:${of.file}`],
    accept: [128],
  });
  return exitCode === 0 ? stdout : undefined;
}
