import type { FileChange } from '../file-changes.ts';
import { isNamedAsTest, isTest } from '../test-files.ts';
import { balance, type Weakening } from './weakening.ts';

/**
 * How tests are written in a language: what of a line checks something, and what keeps a test from running. A line may be
 * as long as its author likes: no pattern may take a time that grows faster than it.
 */
interface Language {
  files: RegExp;
  comment: RegExp;
  checks: RegExp;
  skips: RegExp;
}

const languages: readonly Language[] = [
  {
    files: /\.[cm]?[jt]sx?$/,
    comment: /^(?:\/\/|\/?\*)/,
    checks:
      /\b(?:expect\w*|assert\w*)\s*[.(<]|\.should\b|\bt\.(?:is|not|ok|equal|deepEqual|same|match|throws\w*|rejects|true|false|truthy|falsy|plan)\(|^(?:it|test|specify)(?:\.\w+)*\s*[(`]/g,
    skips:
      /\b(?:it|test|describe|suite|context|specify|bench)(?:\.\w+){0,5}\.(?:skip|only|todo|fixme|fails|failing|skipIf|runIf)\b|\b[xf](?:it|describe|context|test|specify)\s*[.(]|\b(?:t|ctx|context|this|test)\.(?:skip|todo)\(|\b(?:skip|todo)\s*:\s*(?:true|['"`])|\bonly\s*:\s*true\b/g,
  },
  {
    files: /\.py$/,
    comment: /^#/,
    checks: /\bassert\w*\b|\bpytest\.raises\b|^(?:async )?def test\w*/g,
    skips:
      /\bpytest\.(?:mark\.)?(?:skip|skipif|xfail|importorskip)\b|\bunittest\.(?:skip\w*|expectedFailure|SkipTest)\b|^@(?:skip\w*|expectedFailure)\b|\bself\.skipTest\(|\bcollect_ignore\b/g,
  },
  {
    files: /\.go$/,
    comment: /^\/\//,
    checks:
      /\bt\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow|Run)\(|\b(?:assert|require)\.\w+\(|^func (?:Test|Fuzz|Example)\w*\(/g,
    skips: /\b[tb]\.Skip(?:f|Now)?\(|^\/\/(?:go:build| \+build) ignore\b/g,
  },
  {
    files: /\.rs$/,
    comment: /^\/\//,
    checks: /\b(?:debug_)?assert\w*!|#\[(?:\w+::)*test\b/g,
    skips: /#\[(?:cfg_attr\(.{0,200}\b)?ignore\b/g,
  },
  {
    files: /\.(?:java|kt)$/,
    comment: /^(?:\/\/|\/?\*)/,
    checks: /\b(?:assert|verify)\w*\s*[.(]|@\w*Test\b/g,
    skips: /@(?:Disabled|Ignore)\w*|\bassum(?:e|ing)\w*\(/g,
  },
  {
    files: /\.rb$/,
    comment: /^#/,
    checks:
      /\b(?:assert|refute)\w*|\bexpect\b\s*[({]|\.should\b|\bmust_\w+|^(?:it|test|specify|scenario)\b\s*[('"]|^def test_\w+/g,
    skips:
      /^(?:skip|pending)\b|\bx(?:it|describe|context|specify|scenario)\b|\b[fx](?:it|describe|context)\b\s*['"]|(?:\b(?:skip|pending|focus)\s*:|[, ]:(?:skip|pending|focus)\b)/g,
  },
];

/** Of languages that are not known so well. */
const anyLanguage: Omit<Language, 'files'> = {
  comment: /^(?:\/\/|\/?\*|#)/,
  checks: /\b(?:assert|expect|should)\w*\b/gi,
  skips: /\[Ignore\b|\bSkip\s*=|\bmarkTest(?:Skipped|Incomplete)\b|\bXCTSkip\w*/g,
};

/** What holds whatever the code under test does. */
const tautologies =
  /\bexpect\(\s*(?:true|false|null|undefined|\d+|'[^']*'|"[^"]*")\s*\)|\bassert(?:\.ok|\.True|True|That|!)?\s*\(?\s*(?:t,\s*)?(?:true|True|1)\s*(?:[,)]|$)/g;

/**
 * Tests that are fewer, or that don't run any more. What a change takes from one place and puts to another, word for
 * word, is moved; a file that is renamed is still there.
 */
export function weakenedTests(changes: readonly FileChange[]): Weakening[] {
  const tests = changes.filter(({ from, to }) => isJudged(from) || isJudged(to));
  const found: Weakening[] = [];
  const checks = balance(tests, (line, file) => weigh(line, file));
  for (const { change, lost, gained } of checks) {
    const { from, to } = change;
    if (from === null) continue;
    if (isTest(from) && (to === null || !isTest(to))) {
      if (lost > 0 || (isNamedAsTest(from) && !holdsChecks(change))) {
        const what = to === null ? 'is deleted' : `is ${to} now, which is no test`;
        found.push({ file: from, message: `the test file ${from} ${what}` });
      }
      continue;
    }
    if (lost <= gained) continue;
    const file = to ?? from;
    found.push({ file, message: `${file} has ${lost - gained} fewer assertions or tests than before` });
  }
  for (const { change, firstGained, lost, gained } of balance(tests, (line, file) => skipsIn(line, file))) {
    if (gained <= lost || firstGained === undefined || change.to === null) continue;
    const message = `${change.to} has a test that is skipped, or keeps others from running: ${firstGained.text.trim().slice(0, 120)}`;
    found.push({ file: change.to, line: firstGained.line, message });
  }
  return found;
}

/** Tests of Rust stand in the files that they test. */
function isJudged(file: string | null): file is string {
  return file !== null && (isTest(file) || file.endsWith('.rs'));
}

function holdsChecks({ from, removed }: FileChange): boolean {
  return removed.some(({ text }) => weigh(text, from ?? '') > 0);
}

/** How many checks a line has. In code that is no test an assertion is none. */
function weigh(line: string, file: string): number {
  const { comment, checks } = languageOf(file);
  const text = line.trim();
  if (comment.test(text) && !text.startsWith('#[')) return 0;
  const found = text.match(checks) ?? [];
  const counted = isTest(file) ? found : found.filter((check) => check.startsWith('#['));
  return Math.max(0, counted.length - (text.match(tautologies)?.length ?? 0));
}

function skipsIn(line: string, file: string): number {
  const { comment, skips } = languageOf(file);
  const text = line.trim();
  const found = text.match(skips)?.length ?? 0;
  // Some marks look like comments themselves.
  return comment.test(text) && !/^(?:#\[|\/\/(?:go:build| \+build))/.test(text) ? 0 : found;
}

function languageOf(file: string): Omit<Language, 'files'> {
  return languages.find(({ files }) => files.test(file)) ?? anyLanguage;
}
