import { describe, expect, it } from 'vitest';
import { createScrub } from '../scrub.ts';
import { excerpt } from './excerpt.ts';

const scrub = createScrub({});

function many(count: number, line = 'compiling'): string[] {
  return Array.from({ length: count }, (_, index) => `${line} ${index}`);
}

function cut(lines: readonly string[], bytes = 1_000): string {
  return excerpt(lines.join('\n'), { scrub, bytes });
}

describe('an excerpt of a log', () => {
  it('that is short is all of it', () => {
    expect(cut(['a', 'not ok 1', 'b', ''])).toBe('a\nnot ok 1\nb');
  });

  it('has no colours, no timestamps, and of a progress bar what stood there last', () => {
    const log = '2026-11-22T00:00:00.1234567Z \u001B[31mnot ok 1\u001B[0m\r\n 10%\r 50%\r100% done\n';
    expect(excerpt(log, { scrub })).toBe('not ok 1\n100% done');
  });

  it('has no secrets, not even one that a cut would go through', () => {
    const lines = [...many(200), `error: token=${'s3cret'.repeat(20)}`, ...many(200)];
    expect(cut(lines)).not.toContain('s3cret');
  });

  it.each([
    { failure: 'not ok 3 - greets' },
    { failure: ' FAIL  src/greet.test.js > greets' },
    { failure: 'src/greet.ts(3,5): error TS2304: Cannot find name' },
    { failure: "TypeError: Cannot read properties of undefined (reading 'name')" },
    { failure: 'error[E0425]: cannot find value' },
    { failure: 'panic: runtime error: index out of range' },
    { failure: 'Traceback (most recent call last):' },
    { failure: '##[error]Process completed with exit code 1.' },
    { failure: '  ✖ greets' },
    { failure: '--- FAIL: TestGreet (0.00s)' },
    { failure: '1 test failed' },
  ])('shows what stands around $failure, and the end', ({ failure }) => {
    const lines = [
      ...many(300),
      'the test of greet',
      failure,
      'expected hello',
      ...many(300, 'cleaning'),
      'exit 1',
    ];
    const shown = cut(lines).split('\n');
    expect(shown).toEqual(expect.arrayContaining(['the test of greet', failure, 'expected hello', 'exit 1']));
    expect(shown[0]).toMatch(/^\[\d+ lines are left out\]$/);
  });

  it.each(['0 errors', '12 passed, 0 failed', 'no errors found', 'failures: 0'])(
    'is not led astray by %s',
    (innocent) => {
      const lines = [innocent, ...many(200), 'error: it is red', ...many(200)];
      expect(cut(lines)).toContain('error: it is red');
      expect(cut(lines)).not.toContain(innocent);
    },
  );

  it('is the end, where no line speaks of a failure', () => {
    const lines = many(400);
    const shown = cut(lines).split('\n');
    expect(shown.at(-1)).toBe('compiling 399');
    expect(shown[0]).toBe(`[${400 - (shown.length - 1)} lines are left out]`);
  });

  it.each([
    { name: 'many lines', lines: [...many(5_000), 'not ok 1', ...many(5_000)] },
    { name: 'one long line', lines: [`error: ${'x'.repeat(100_000)}`] },
    { name: 'many long lines', lines: Array.from({ length: 50 }, () => `error: ${'x'.repeat(5_000)}`) },
    { name: 'letters of several bytes', lines: Array.from({ length: 400 }, () => 'Fehler: ü✖日本') },
  ])('of $name keeps within its bytes', ({ lines }) => {
    expect(Buffer.byteLength(cut(lines))).toBeLessThanOrEqual(1_000);
    expect(Buffer.byteLength(excerpt(lines.join('\n'), { scrub }))).toBeLessThanOrEqual(4_000);
  });

  it('says how many lines it leaves out', () => {
    const lines = [...many(300), 'not ok 1', ...many(300)];
    const shown = cut(lines).split('\n');
    const out = shown.flatMap(
      (line) => /^\[(\d+) lines are left out\]$/.exec(line)?.slice(1).map(Number) ?? [],
    );
    const gaps = out.reduce((sum, count) => sum + count, 0);
    expect(gaps + shown.length - out.length).toBe(lines.length);
  });
});
