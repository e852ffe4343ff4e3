export interface AddedLine {
  file: string;
  line: number;
  text: string;
}

/** The lines that a unified diff adds, each with its place in the new file. */
export function addedLines(diff: string): AddedLine[] {
  const added: AddedLine[] = [];
  let file = '';
  let line = 0;
  let inHunk = false;
  for (const text of diff.split('\n')) {
    const hunk = /^@@ -\S+ \+(\d+)/.exec(text);
    if (hunk) {
      line = Number(hunk[1]);
      inHunk = true;
    } else if (text.startsWith('diff --git ')) {
      inHunk = false;
    } else if (!inHunk) {
      if (text.startsWith('+++ ')) file = text.replace(/^\+\+\+ (?:b\/)?/, '').replace(/\t$/, '');
    } else if (text.startsWith('+')) {
      added.push({ file, line, text: text.slice(1) });
      line += 1;
    } else if (!text.startsWith('-') && !text.startsWith('\\')) {
      line += 1;
    }
  }
  return added;
}
