export interface AddedLine {
  file: string;
  line: number;
  text: string;
}

/** What a diff does to one file. `from` is null for a new one, `to` for one that is gone; of one renamed they differ. */
export interface FileChange {
  from: string | null;
  to: string | null;
  added: { line: number; text: string }[];
  removed: { line: number; text: string }[];
}

/** With the first and the last line that each hunk shows of the new version. */
export interface ShownChange extends FileChange {
  hunks: [from: number, to: number][];
}

/** The files of a unified diff, each line with its place in the new file, or in the old one. */
export function fileChanges(diff: string | readonly string[]): ShownChange[] {
  const changes: ShownChange[] = [];
  let change = noChange();
  let inHunk = false;
  let line = 0;
  let oldLine = 0;
  for (const text of typeof diff === 'string' ? diff.split('\n') : diff) {
    const hunk = /^@@ -(\d+)\S* \+(\d+)(?:,(\d+))?/.exec(text);
    if (hunk) {
      oldLine = Number(hunk[1]);
      line = Number(hunk[2]);
      change.hunks.push([line, line + Number(hunk[3] ?? 1) - 1]);
      inHunk = true;
    } else if (text.startsWith('diff --git ')) {
      change = noChange();
      changes.push(change);
      inHunk = false;
    } else if (!inHunk) {
      const header = /^(?:rename (?:from|to)|---|\+\+\+) /.exec(text)?.[0];
      if (header === '--- ' || header === 'rename from ') change.from = nameIn(text, header);
      else if (header !== undefined) change.to = nameIn(text, header);
    } else if (text.startsWith('+')) {
      change.added.push({ line, text: text.slice(1) });
      line += 1;
    } else if (text.startsWith('-')) {
      change.removed.push({ line: oldLine, text: text.slice(1) });
      oldLine += 1;
    } else if (!text.startsWith('\\')) {
      line += 1;
      oldLine += 1;
    }
  }
  return changes;
}

function noChange(): ShownChange {
  return { from: null, to: null, added: [], removed: [], hunks: [] };
}

/** The lines that a unified diff adds, each with its place in the new file. */
export function addedLines(diff: string | readonly string[]): AddedLine[] {
  return fileChanges(diff).flatMap(({ to, added }) =>
    added.map(({ line, text }) => ({ file: to ?? '', line, text })),
  );
}

/** A name with white space ends in a tab, one with odd characters is quoted; those of a rename have no prefix. */
function nameIn(text: string, header: string): string | null {
  const name = unquoted(text.slice(header.length).replace(/\t$/, ''));
  if (name === '/dev/null') return null;
  return header.startsWith('rename') ? name : name.replace(/^[ab]\//, '');
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  t: '\t',
  n: '\n',
  v: '\v',
  f: '\f',
  r: '\r',
};

/** As C quotes a text. */
function unquoted(name: string): string {
  const [, inner] = /^"(.*)"$/.exec(name) ?? [];
  if (inner === undefined) return name;
  return inner.replaceAll(/\\(?:([0-7]{3})|(.))/g, (_, octal: string | undefined, one: string) =>
    octal === undefined ? (escapes[one] ?? one) : String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
