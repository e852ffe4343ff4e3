import type { Finding } from '../../../schema/contracts/review.ts';
import type { AddedLine } from './added-lines.ts';

/** What a secret looks like: forms that their issuers document, so that few other things match. */
const secretForms: readonly (readonly [name: string, form: RegExp])[] = [
  ['a private key', /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/],
  ['an AWS access key', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ['a GitHub token', /\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_[A-Za-z0-9_]{50,}\b/],
  ['a Slack token', /\bxox[abpr]-[A-Za-z0-9-]{10,}\b/],
  ['an API key', /\bsk-[A-Za-z0-9_-]{32,}\b/],
  ['a token of this engine', /\bmission_[A-Za-z0-9_-]{43}\b/],
];

const conflictMarker = /^(?:<{7} |>{7} |\|{7} |={7}\r?$)/;

/** What is wrong with one added line. A secret is named by its form and never repeated. */
export function lineFindings({ file, line, text }: AddedLine): Finding[] {
  const findings: Finding[] = [];
  if (conflictMarker.test(text)) {
    findings.push({
      severity: 'blocker',
      category: 'conflict-marker',
      file,
      line,
      message: 'a conflict marker is left',
    });
  }
  for (const [name, form] of secretForms) {
    if (form.test(text)) {
      findings.push({
        severity: 'blocker',
        category: 'secret',
        file,
        line,
        message: `this looks like ${name}`,
      });
    }
  }
  if (/[ \t]\r?$/.test(text) && !/\.(?:md|markdown)$/.test(file)) {
    findings.push({
      severity: 'should-fix',
      category: 'whitespace',
      file,
      line,
      message: 'the line ends in white space',
    });
  }
  return findings;
}

/** Larger files belong elsewhere: every clone would carry them for ever. */
export const maxFileBytes = 1024 * 1024;

export function sizeFinding(file: string, bytes: number): Finding | undefined {
  if (bytes <= maxFileBytes) return undefined;
  return { severity: 'blocker', category: 'oversized', file, message: `the file has ${bytes} bytes` };
}
