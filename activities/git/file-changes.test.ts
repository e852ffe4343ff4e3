import { describe, expect, it } from 'vitest';
import { addedLines } from './file-changes.ts';

/** A diff as git prints it: every line ends with a line end. */
function diff(...lines: string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

function header(file: string): string[] {
  return [
    `diff --git a/${file} b/${file}`,
    'index 1111111..2222222 100644',
    `--- a/${file}`,
    `+++ b/${file}`,
  ];
}

describe('the lines that a diff adds', () => {
  it.each([
    { name: 'nothing', text: '', lines: [] },
    {
      name: 'a new file',
      text: diff(
        'diff --git a/a.js b/a.js',
        'new file mode 100644',
        'index 0000000..2222222',
        '--- /dev/null',
        '+++ b/a.js',
        '@@ -0,0 +1,2 @@',
        '+one',
        '+two',
      ),
      lines: [
        { file: 'a.js', line: 1, text: 'one' },
        { file: 'a.js', line: 2, text: 'two' },
      ],
    },
    {
      name: 'two hunks',
      text: diff(
        ...header('a.js'),
        '@@ -3 +3 @@ function a() {',
        '-old',
        '+new',
        '@@ -10,0 +11,2 @@',
        '+x',
        '+y',
      ),
      lines: [
        { file: 'a.js', line: 3, text: 'new' },
        { file: 'a.js', line: 11, text: 'x' },
        { file: 'a.js', line: 12, text: 'y' },
      ],
    },
    {
      name: 'context around them',
      text: diff(...header('a.js'), '@@ -1,3 +1,4 @@', ' one', '-two', '+2', '+2.5', ' three'),
      lines: [
        { file: 'a.js', line: 2, text: '2' },
        { file: 'a.js', line: 3, text: '2.5' },
      ],
    },
    {
      name: 'two files',
      text: diff(
        ...header('a.js'),
        '@@ -1 +1 @@',
        '-a',
        '+A',
        ...header('b/b.js'),
        '@@ -7 +7 @@',
        '-b',
        '+B',
      ),
      lines: [
        { file: 'a.js', line: 1, text: 'A' },
        { file: 'b/b.js', line: 7, text: 'B' },
      ],
    },
    {
      name: 'only deletions',
      text: diff('diff --git a/a.js b/a.js', '--- a/a.js', '+++ /dev/null', '@@ -1 +0,0 @@', '-a'),
      lines: [],
    },
    {
      name: 'a binary file',
      text: diff('diff --git a/a.png b/a.png', 'Binary files a/a.png and b/a.png differ'),
      lines: [],
    },
    {
      name: 'another mode',
      text: diff('diff --git a/a b/a', 'old mode 100644', 'new mode 100755'),
      lines: [],
    },
    {
      name: 'no line end at the end of the file',
      text: diff(
        ...header('a.js'),
        '@@ -1 +1,2 @@',
        '-a',
        '\\ No newline at end of file',
        '+a',
        '+b',
        '\\ No newline at end of file',
      ),
      lines: [
        { file: 'a.js', line: 1, text: 'a' },
        { file: 'a.js', line: 2, text: 'b' },
      ],
    },
    {
      name: 'white space, which is kept',
      text: diff(...header('a.js'), '@@ -0,0 +1,3 @@', '+', '+  ', '+x\r'),
      lines: [
        { file: 'a.js', line: 1, text: '' },
        { file: 'a.js', line: 2, text: '  ' },
        { file: 'a.js', line: 3, text: 'x\r' },
      ],
    },
    {
      // Git ends a name that has a space in it with a tab.
      name: 'a name with a space',
      text: diff('diff --git a/a b.js b/a b.js', '--- a/a b.js\t', '+++ b/a b.js\t', '@@ -0,0 +1 @@', '+x'),
      lines: [{ file: 'a b.js', line: 1, text: 'x' }],
    },
  ])('are told with their places: $name', ({ text, lines }) => {
    expect(addedLines(text)).toEqual(lines);
  });

  it.each([
    { name: 'the head of a file', line: '+++ b/innocent.md' },
    { name: 'the old head of a file', line: '--- a/innocent.md' },
    { name: 'a hunk', line: '@@ -1 +900 @@' },
    { name: 'the beginning of a diff', line: 'diff --git a/innocent.md b/innocent.md' },
    { name: 'the end of a file', line: '\\ No newline at end of file' },
  ])('are not misled by content that looks like $name', ({ line }) => {
    const text = diff(...header('a.js'), '@@ -1,2 +1,3 @@', `-${line}`, `+${line}`, ` ${line}`, '+after');
    expect(addedLines(text)).toEqual([
      { file: 'a.js', line: 1, text: line },
      { file: 'a.js', line: 3, text: 'after' },
    ]);
  });
});
