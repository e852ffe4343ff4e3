import { join } from 'node:path';

/** A reviewer: a program that reads a change and prints its verdict. Engines of one family think alike. */
export interface Engine {
  family: string;
  argv: readonly string[];
}

export type Engines = ReadonlyMap<string, Engine>;

/** Two deterministic reviewers that come with the engine. `programs` is the folder they are built into. */
export function builtInEngines(programs: string): Engines {
  return new Map([
    ['diff-check', { family: 'diff', argv: [process.execPath, join(programs, 'diff-check.js')] }],
    ['test-check', { family: 'test', argv: [process.execPath, join(programs, 'test-check.js')] }],
  ]);
}

/** What is wrong with a mission's choice of reviewers; undefined when it is a dual-engine review. */
export function reviewersFault(
  reviewers: readonly { engine: string }[],
  engines: Engines,
): string | undefined {
  const unknown = reviewers.find(({ engine }) => !engines.has(engine));
  if (unknown) {
    const known = [...engines.keys()].join(', ');
    return `no engine is named ${unknown.engine}; this installation has ${known}. Add it under engines: in engine.yaml`;
  }
  const families = new Set(reviewers.map(({ engine }) => engines.get(engine)?.family));
  if (families.size < 2) return 'a review needs two engines of different families';
  if (new Set(reviewers.map(({ engine }) => engine)).size < reviewers.length) {
    return 'an engine is named twice among the reviewers';
  }
  return undefined;
}
