import type { Finding, StatedFinding } from '../../schema/contracts/review.ts';
import { isTreePath, type Git } from '../git/git.ts';

/** Far more than anybody writes by hand; in what is larger the lines are not counted. */
const maxTextBytes = 4 * 1024 * 1024;

const charactersKept = 200;

interface Found {
  type: string;
  /** Undefined for what has no lines, or too many. */
  lines: string[] | undefined;
}

/**
 * Says of each finding whether the file and the line that it names are there at the head, and what the line says. What the
 * change deletes is looked for at the base: that it is gone may be the finding.
 */
export async function checkFindings(of: {
  git: Git;
  /** A repository that has both commits. */
  repository: string;
  headSha: string;
  baseSha: string;
  findings: readonly StatedFinding[];
}): Promise<Finding[]> {
  const files = [...new Set(of.findings.flatMap(({ file }) => (file === undefined ? [] : [plain(file)])))];
  const atHead = await readFiles({ ...of, sha: of.headSha, files });
  const missing = files.filter((file) => !atHead.has(file));
  const deleted = await readFiles({ ...of, sha: of.baseSha, files: missing });
  return of.findings.map((stated) => {
    if (stated.file === undefined) return stated;
    const file = plain(stated.file);
    const found = atHead.get(file) ?? deleted.get(file);
    return {
      ...stated,
      file,
      ...(found ? judgeLine(stated.line, file, found) : { unfounded: `there is no ${file}` }),
    };
  });
}

function judgeLine(line: number | undefined, file: string, { type, lines }: Found): Partial<Finding> {
  if (line === undefined) return {};
  if (type !== 'blob') return { unfounded: `${file} is a folder: it has no lines` };
  if (!lines) return {};
  if (line > Math.max(lines.length, 1)) return { unfounded: `${file} has ${lines.length} lines` };
  const text = lines[line - 1]?.trim().slice(0, charactersKept) ?? '';
  return text === '' ? {} : { text };
}

/** As git names it; a slash at the end is how people name folders. */
function plain(file: string): string {
  return file.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '');
}

/** Those of the files that are there. */
async function readFiles(of: {
  git: Git;
  repository: string;
  sha: string;
  files: readonly string[];
}): Promise<Map<string, Found>> {
  const { git, repository: cwd } = of;
  const files = of.files.filter(isTreePath);
  const read = new Map<string, Found>();
  if (files.length === 0) return read;
  const input = files.map((file) => `${of.sha}:${file}\n`).join('');
  const format = '--batch-check=%(objecttype) %(objectsize) %(objectname)';
  const { stdout } = await git.run({ cwd, args: ['cat-file', format], input });
  for (const [index, answer] of stdout.trimEnd().split('\n').entries()) {
    const [, type, size, id] = /^(blob|tree|commit) (\d+) (\S+)$/.exec(answer) ?? [];
    const file = files[index];
    if (file === undefined || type === undefined || id === undefined) continue;
    const isText = type === 'blob' && Number(size) <= maxTextBytes;
    read.set(file, { type, lines: isText ? await readLines({ git, cwd, id }) : undefined });
  }
  return read;
}

async function readLines({ git, cwd, id }: { git: Git; cwd: string; id: string }): Promise<string[]> {
  const { stdout } = await git.run({ cwd, args: ['cat-file', 'blob', id] });
  const lines = stdout.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
