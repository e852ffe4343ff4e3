import { expect, it } from 'vitest';
import { describeLate, pauseFault, type AnsweredTask } from './late.ts';

const sha = 'a'.repeat(40);

const merged: AnsweredTask = {
  id: 'T-1',
  status: 'merged',
  asked: [
    {
      id: 'blocked-1',
      title: 'npm test is red',
      answer: { option: 'retry', by: 'ann', expired: false },
      at: 2,
    },
    { id: 'law-1', title: 'May it?', answer: { option: 'lift', by: 'bob', expired: false }, at: 3 },
    { id: 'author-1-1', title: 'Run it', answer: null, at: 4 },
  ],
  goAheads: [
    { sha: 'b'.repeat(40), by: 'ann', via: 'api', at: 5 },
    { sha, by: 'ann', via: 'api', at: 6 },
    { sha, by: 'bob', via: 'cli', at: 7 },
  ],
  endedAt: 9,
};
const end = 'T-1 is not running any more: it has ended as merged at 1970-01-01T00:00:00.009Z';

it('a question that was answered before its task ended is told with who, what and when', () => {
  expect(describeLate(merged, { kind: 'item', id: 'law-1' })).toBe(
    `law-1 was answered already: lift by bob at 1970-01-01T00:00:00.003Z; it asked: May it?; ${end}`,
  );
  expect(describeLate(merged, { kind: 'item', id: 'author-1-1' })).toBe(
    `author-1-1 is over since 1970-01-01T00:00:00.004Z, without an answer; it asked: Run it; ${end}`,
  );
});

it('a block is told by its name, or the last that there was', () => {
  const answered = `blocked-1 was answered already: retry by ann at 1970-01-01T00:00:00.002Z; it asked: npm test is red; ${end}`;
  expect(describeLate(merged, { kind: 'block' })).toBe(answered);
  expect(describeLate(merged, { kind: 'item', id: 'blocked-1' })).toBe(answered);
  expect(describeLate(merged, { kind: 'item', id: 'blocked-8' })).toBe(end);
});

it('a go-ahead is told with all that were given for that head', () => {
  expect(describeLate(merged, { kind: 'head', sha })).toBe(
    `${sha} has its go-ahead, by ann at 1970-01-01T00:00:00.006Z and by bob at 1970-01-01T00:00:00.007Z; ${end}`,
  );
  expect(describeLate(merged, { kind: 'head', sha: 'c'.repeat(40) })).toBe(end);
});

it('a task of before its end was kept, and one that has not begun, say what they know', () => {
  const old: AnsweredTask = { id: 'T-1', status: 'skipped', asked: [], goAheads: [] };
  expect(describeLate(old, { kind: 'block' })).toBe('T-1 is not running any more: it has ended as skipped');
  expect(describeLate({ ...old, status: 'waiting' }, { kind: 'block' })).toBe(
    'T-1 is not running: it has not been started yet',
  );
});

it('a pause is answered once: an answer to another is refused, whether the mission goes on or waits again', () => {
  const answered = { option: 'resume', by: 'ann', expired: false };
  const asked = [{ id: 'paused-8', title: 'm1 is not verified', answer: answered, at: 9 }];
  const again = { by: 'engine', reason: 'm1 is not verified', at: 20 };
  const mission = { id: 'm', status: 'paused' as const, paused: again, asked };
  expect(pauseFault(mission, 20)).toBeUndefined();
  expect(pauseFault(mission, 8)).toBe(
    'paused-8 was answered already: resume by ann at 1970-01-01T00:00:00.009Z; it asked: m1 is not verified; the mission is paused',
  );
  expect(pauseFault({ ...mission, status: 'running', paused: null }, 7)).toBe(
    'm is not paused since then; the mission is running',
  );
});
