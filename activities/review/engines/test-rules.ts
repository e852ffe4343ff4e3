import type { Finding } from '../../../schema/contracts/review.ts';

const source = /\.(?:[cm]?[jt]sx?|py|go|rs|java|kt|rb|php|c|cc|cpp|cs|swift)$/;
const testPlace = /(?:^|\/)(?:tests?|__tests__|spec)\//;
const testName = /(?:^|\/)(?:test_[^/]*|[^/]*[._-](?:test|spec)\.[^/]+|[^/]*_test\.[^/]+)$/;

export function isTest(file: string): boolean {
  return source.test(file) && (testPlace.test(file) || testName.test(file));
}

/** Other files of a folder of tests may only help them. */
export function isNamedAsTest(file: string): boolean {
  return source.test(file) && testName.test(file);
}

export function isSource(file: string): boolean {
  return source.test(file) && !isTest(file);
}

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
