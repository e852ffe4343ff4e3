/** Which files of a repository are tests, by their names. */
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
