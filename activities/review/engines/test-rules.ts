import type { Finding } from '../../../schema/contracts/review.ts';
import { isSource, isTest } from '../../git/test-files.ts';

/** Changed source needs changed tests. A change without source has nothing to prove here. */
export function untestedFinding(files: readonly string[]): Finding | undefined {
  const [changed] = files.filter(isSource);
  if (changed === undefined || files.some(isTest)) return undefined;
  return {
    severity: 'blocker',
    category: 'untested',
    file: changed,
    message: `${changed} changes and no test does`,
  };
}
