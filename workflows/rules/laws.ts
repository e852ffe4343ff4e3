import type { Breach, Law } from '../../schema/contracts/law.ts';
import { placeOf } from '../../schema/contracts/review.ts';
import type { Rejection } from './remediation.ts';

/** What an author can do about a breach. */
const remedies: Record<Law, string> = {
  secret:
    'a commit has what looks like a secret, and would be pushed with it: rewrite your commits that are not pushed, so that none of them has it; to take it away in a later commit is not enough. A secret that was pushed already must be revoked',
  'weakened-checks':
    'checks or tests are weakened, skipped or deleted: put them back, or tell why in your last words and deliver the same again',
};

/** Where the same breach is told again, in whatever commit and line it is by then. */
export function breachKey({ law, message }: Breach): string {
  return `${law}: ${message}`;
}

/** One failure for each law; what breaks it are its findings. */
export function rejectBreaches(breaches: readonly Breach[], headSha: string): Rejection[] {
  const laws = new Set(breaches.map(({ law }) => law));
  return [...laws].map((law) => {
    const own = breaches.filter((breach) => breach.law === law);
    const message = `${remedies[law]}. Insisted on, a person decides`;
    return {
      failure: { gate: 'verify-delivery', signature: `law:${law}`, message, sha: headSha },
      feedback: {
        gate: 'verify-delivery',
        message,
        findings: own.map(({ sha, file, line, message: words }) => ({
          severity: 'blocker',
          category: law,
          file: file.slice(0, 1_000),
          ...(line === undefined ? {} : { line }),
          message: sha === headSha ? words : `${words}, in the commit ${sha}`,
        })),
        excerpt: null,
      },
    };
  });
}

/** A line for each. */
export function describeBreaches(breaches: readonly Breach[]): string {
  return breaches.map((breach) => `${placeOf(breach).trim()} at ${breach.sha}: ${breach.message}`).join('\n');
}
