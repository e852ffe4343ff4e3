import type { Finding } from '../../../schema/contracts/review.ts';
import { secretsIn } from '../../secret-forms.ts';
import type { AddedLine } from '../../git/file-changes.ts';

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
  for (const name of secretsIn(text)) {
    findings.push({
      severity: 'blocker',
      category: 'secret',
      file,
      line,
      message: `this looks like ${name}`,
    });
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
