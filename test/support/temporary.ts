import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, onTestFinished } from 'vitest';

/** Where a resource says how it is put away. */
export type AtEnd = (close: () => Promise<void>) => void;

/** A folder that goes when the test is over, or, with `atEnd`, when its maker says so. */
export async function temporaryFolder(atEnd: AtEnd = onTestFinished): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mission-test-'));
  atEnd(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** For tests that run side by side: each of them may take as long as all of them would one after another. */
export const sideBySideMs = 300_000;

/** What the tests of a block have in common: made before the first of them, put away after the last. */
export function inCommon<Value>(make: (atEnd: AtEnd) => Promise<Value>): () => Value {
  let made: { value: Value } | undefined;
  const closers: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    made = { value: await make((close) => closers.unshift(close)) };
  });
  afterAll(async () => {
    for (const close of closers) await close();
  });
  return () => {
    if (!made) throw new Error('it is made right before the tests');
    return made.value;
  };
}
