/** What the built-in reviewers share: the change they stand on, and how they answer. */
import { execFileSync } from 'node:child_process';
import type { Finding, ReviewAnswer } from '../../../schema/contracts/review.ts';

/** Large diffs are read whole; what is larger than this is a finding of its own. */
const maxDiffBytes = 256 * 1024 * 1024;

export interface Change {
  base: string;
  head: string;
}

/** The commits under review, from the environment that the engine gives to every reviewer. */
export function readChange(): Change {
  const { MISSION_BASE_SHA: base, MISSION_HEAD_SHA: head } = process.env;
  if (!base || !head) throw new Error('MISSION_BASE_SHA and MISSION_HEAD_SHA are needed');
  return { base, head };
}

export function git(...args: string[]): string {
  const hardened = [
    '-c',
    'core.hooksPath=/dev/null',
    '-c',
    'core.fsmonitor=false',
    '-c',
    'core.quotePath=false',
  ];
  return execFileSync('git', [...hardened, ...args], { encoding: 'utf8', maxBuffer: maxDiffBytes });
}

/** The files that exist after the change and differ from before. */
export function presentFiles({ base, head }: Change): string[] {
  const args = ['diff', '--name-only', '-z', '--no-renames', '--diff-filter=d', base, head];
  return git(...args)
    .split('\0')
    .filter((file) => file !== '');
}

/** Prints the answer: changes are asked for when something is worse than a nit. */
export function answer(findings: Finding[], approval: string): void {
  const asks = findings.filter((finding) => finding.severity !== 'nit');
  const result: ReviewAnswer = {
    verdict: asks.length > 0 ? 'request-changes' : 'approve',
    summary:
      asks.length > 0
        ? asks
            .map((finding) => finding.message)
            .join('; ')
            .slice(0, 4_000)
        : approval,
    findings: findings.slice(0, 200),
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
