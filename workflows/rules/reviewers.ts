import type { Reviewer } from '../../schema/contracts/mission-file.ts';

/** Who reads a change: the reviewers that stand, and those beside them that it calls for. */
export function reviewersOf(of: {
  reviewers: readonly Reviewer[];
  /** Which of the paths that reviewers name it touches. */
  touched: readonly string[];
  /** The task's labels that reviewers name. */
  labels: readonly string[];
  /** Whether it is said to mend what was found at an earlier head. */
  mends: boolean;
  /** The engines that have read this very head: what they have said of it holds, whoever calls them now. */
  read: readonly string[];
}): Reviewer[] {
  return of.reviewers.filter(({ engine, role, paths, labels }) => {
    if (of.read.includes(engine)) return true;
    if (role === 'fixes' && !of.mends) return false;
    if (role === undefined || (paths === undefined && labels === undefined)) return true;
    const isTouched = paths?.some((path) => of.touched.includes(path)) ?? false;
    return isTouched || (labels?.some((label) => of.labels.includes(label)) ?? false);
  });
}

/** The paths that a delivery is looked at for, each once. */
export function watchedPaths(reviewers: readonly Reviewer[]): string[] {
  return [...new Set(reviewers.flatMap(({ paths = [] }) => paths))];
}
