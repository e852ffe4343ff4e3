import { describe, expect, it } from 'vitest';
import type { FileChange } from '../file-changes.ts';
import { weakenedTests } from './weakened-tests.ts';

function change(from: string | null, to: string | null, removed: string[], added: string[]): FileChange {
  const lines = (texts: string[]) => texts.map((text, index) => ({ line: index + 1, text }));
  return { from, to, removed: lines(removed), added: lines(added) };
}

function edit(file: string, removed: string[], added: string[]): FileChange {
  return change(file, file, removed, added);
}

function messagesOf(...changes: FileChange[]): string[] {
  return weakenedTests(changes).map(({ message }) => message);
}

describe('a test file', () => {
  const checks = ['it("a", () => {', '  expect(a()).toBe(1);', '});'];

  it('that is deleted is a breach, with assertions or without any that we know', () => {
    expect(messagesOf(change('src/a.test.ts', null, checks, []))).toEqual([
      'the test file src/a.test.ts is deleted',
    ]);
    expect(messagesOf(change('src/a.test.ts', null, ['verifyAll();'], []))).toHaveLength(1);
    expect(messagesOf(change('tests/test_a.py', null, ['assert a() == 1'], []))).toHaveLength(1);
  });

  it('that becomes no test is deleted', () => {
    expect(messagesOf(change('src/a.test.ts', 'src/a.test.ts.bak', [], []))).toEqual([
      'the test file src/a.test.ts is src/a.test.ts.bak now, which is no test',
    ]);
  });

  it('that is renamed, split or merged with another is still there', () => {
    expect(messagesOf(change('src/a.test.ts', 'src/b.test.ts', [], []))).toEqual([]);
    expect(
      messagesOf(change('src/a.test.ts', null, checks, []), change(null, 'src/b.test.ts', [], checks)),
    ).toEqual([]);
  });

  it('that only helps tests may go', () => {
    expect(messagesOf(change('test/support/clock.ts', null, ['export const now = 1;'], []))).toEqual([]);
  });

  it('that is new, or has more, is none', () => {
    expect(messagesOf(change(null, 'src/a.test.ts', [], checks))).toEqual([]);
    expect(messagesOf(edit('src/a.test.ts', ['expect(a).toBe(1)'], ['expect(a).toBe(2)']))).toEqual([]);
  });
});

describe('an assertion that is gone', () => {
  it.each([
    { file: 'src/a.test.ts', line: '  expect(a).toBe(1);' },
    { file: 'src/a.test.js', line: "  assert.equal(a, 1, 'one');" },
    { file: 'src/a.spec.tsx', line: "it('adds', () => {" },
    { file: 'tests/test_a.py', line: '    assert a() == 1' },
    { file: 'tests/test_a.py', line: '    self.assertEqual(a(), 1)' },
    { file: 'tests/test_a.py', line: 'def test_adds():' },
    { file: 'a_test.go', line: '\tt.Errorf("got %d", got)' },
    { file: 'a_test.go', line: '\trequire.NoError(t, err)' },
    { file: 'a_test.go', line: 'func TestAdds(t *testing.T) {' },
    { file: 'tests/a.rs', line: '    assert_eq!(a(), 1);' },
    { file: 'src/lib.rs', line: '    #[test]' },
    { file: 'src/test/java/ATest.java', line: '    assertThat(a()).isEqualTo(1);' },
    { file: 'src/test/java/ATest.java', line: '    @Test' },
    { file: 'spec/a_spec.rb', line: '    expect(a).to eq(1)' },
    { file: 'test/a_test.rb', line: '    assert_equal 1, a' },
    { file: 'tests/ATest.php', line: '        $this->assertSame(1, a());' },
  ])('is a breach in $file: $line', ({ file, line }) => {
    expect(messagesOf(edit(file, [line], []))).toEqual([
      `${file} has 1 fewer assertions or tests than before`,
    ]);
    expect(messagesOf(edit(file, [line, line], ['other();']))).toEqual([
      `${file} has 2 fewer assertions or tests than before`,
    ]);
  });

  it.each([
    { name: 'a comment', line: '// expect(a).toBe(1);' },
    { name: 'a comment of several lines', line: '* expect(a).toBe(1);' },
    { name: 'one that always holds', line: 'expect(true).toBe(true);' },
    { name: 'another that always holds', line: 'assert.ok(true);' },
    { name: 'one of two in a line', line: 'expect(1).toBe(1); expect("a").toBe("a")' },
  ])('is not made up for by $name', ({ line }) => {
    expect(messagesOf(edit('src/a.test.ts', ['expect(a).toBe(1);'], [line]))).toHaveLength(1);
  });

  it('is not made up for by one in another file, unless it is the same', () => {
    const gone = edit('src/a.test.ts', ['expect(a).toBe(1);'], []);
    expect(messagesOf(gone, edit('src/b.test.ts', [], ['expect(b).toBe(1);']))).toHaveLength(1);
    expect(messagesOf(gone, edit('src/b.test.ts', [], ['    expect(a).toBe(1);']))).toEqual([]);
    expect(messagesOf(gone, edit('src/b.ts', [], ['expect(a).toBe(1);']))).toHaveLength(1);
  });

  it('counts in tests only', () => {
    expect(messagesOf(edit('src/a.ts', ['assert(a);'], []))).toEqual([]);
    expect(messagesOf(edit('src/lib.rs', ['    assert!(a);'], []))).toEqual([]);
  });
});

describe('a test that does not run any more', () => {
  it.each([
    { file: 'src/a.test.ts', line: "it.skip('adds', () => {" },
    { file: 'src/a.test.ts', line: "test.only('adds', () => {" },
    { file: 'src/a.test.ts', line: "describe.concurrent.skip('sums', () => {" },
    { file: 'src/a.test.ts', line: "it.todo('adds');" },
    { file: 'src/a.test.ts', line: "it.skipIf(slow)('adds', () => {" },
    { file: 'src/a.test.js', line: "xit('adds', () => {" },
    { file: 'src/a.test.js', line: "fdescribe('sums', () => {" },
    { file: 'src/a.test.js', line: "test('adds', { skip: true }, () => {" },
    { file: 'src/a.test.js', line: "  t.skip('later');" },
    { file: 'tests/test_a.py', line: '@pytest.mark.skip(reason="flaky")' },
    { file: 'tests/test_a.py', line: '@pytest.mark.xfail' },
    { file: 'tests/test_a.py', line: '    pytest.skip("later")' },
    { file: 'tests/test_a.py', line: '@unittest.skipUnless(fast, "slow")' },
    { file: 'tests/test_a.py', line: '    self.skipTest("later")' },
    { file: 'a_test.go', line: '\tt.Skip("flaky")' },
    { file: 'a_test.go', line: '//go:build ignore' },
    { file: 'src/lib.rs', line: '    #[ignore]' },
    { file: 'tests/a.rs', line: '#[ignore = "slow"]' },
    { file: 'tests/a.rs', line: '#[cfg_attr(not(fast), ignore)]' },
    { file: 'src/test/java/ATest.java', line: '    @Disabled("flaky")' },
    { file: 'src/test/java/ATest.java', line: '    @Ignore' },
    { file: 'spec/a_spec.rb', line: "  xit 'adds' do" },
    { file: 'spec/a_spec.rb', line: "    skip 'later'" },
    { file: 'spec/a_spec.rb', line: "  it 'adds', skip: true do" },
    { file: 'spec/a_spec.rb', line: "  it 'adds', :skip do" },
  ])('is a breach in $file: $line', ({ file, line }) => {
    const [found, ...others] = weakenedTests([edit(file, [], ['other();', line])]);
    expect(found).toMatchObject({ file, line: 2 });
    expect(found?.message).toContain(line.trim());
    expect(others).toEqual([]);
  });

  it('is one too when it stands in a new file, or when the mark replaces the test', () => {
    expect(messagesOf(change(null, 'a.test.ts', [], ["it.skip('b', () => {"]))).toHaveLength(1);
    expect(messagesOf(edit('a.test.ts', ["it('b', () => {"], ["it.skip('b', () => {"]))).toHaveLength(1);
  });

  it('is none where a mark was moved or taken away, or where skipping is what the code does', () => {
    const mark = "it.skip('adds', () => {";
    expect(messagesOf(edit('a.test.ts', [mark], []), edit('b.test.ts', [], [`  ${mark}`]))).toEqual([]);
    expect(messagesOf(edit('a.test.ts', [mark], ["it('adds', () => {"]))).toEqual([]);
    expect(messagesOf(edit('src/a.ts', [], ['list.skip(1);', 'fit(curve);']))).toEqual([]);
    expect(messagesOf(edit('src/a.test.ts', [], ['expect(list.skip(1)).toEqual([]);']))).toEqual([]);
    expect(messagesOf(edit('a.test.ts', [], ['// it.skip is not for us']))).toEqual([]);
  });
});
