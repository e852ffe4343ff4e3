import { expect, it } from 'vitest';
import type { KnownFinding } from '../../schema/contracts/review.ts';
import { initialTaskView, type TaskView } from '../../schema/contracts/views.ts';
import { eventLine, findingLines, taskLine, timelineLine } from './timeline.ts';

const sha = 'a'.repeat(40);

function finding(id: string, more: Partial<KnownFinding> = {}): KnownFinding {
  const found = { id, engine: 'one', severity: 'nit' as const, category: 'bug', message: 'x' };
  return { ...found, state: 'new', since: sha, last: sha, history: [], ...more };
}

function task(findings: KnownFinding[], more: Partial<TaskView> = {}): TaskView {
  const view = initialTaskView({ mission: 'm', milestone: 'm1', id: 'T-1', title: 'Greet' });
  return { ...view, status: 'running', findings, ...more };
}

it('open findings are shown a line each, the worst first, with their place and state', () => {
  const lines = findingLines(
    task([
      finding('f-1', { file: 'a.js', line: 3, message: 'slow' }),
      finding('f-2', {
        severity: 'blocker',
        state: 'disputed',
        file: 'b.js',
        message: 'null\u001b[2J\nhere',
      }),
      finding('f-3', { severity: 'blocker', state: 'fixed' }),
      finding('f-4', { severity: 'should-fix', state: 'open', message: 'y'.repeat(200) }),
    ]),
  );
  expect(lines).toEqual([
    '             ! blocker (disputed) f-2 b.js: null [2J here',
    `             ! should-fix (open) f-4: ${'y'.repeat(120)}…`,
    '             ! nit (new) f-1 a.js:3: slow',
  ]);
});

it('more than a screen has room for are counted, and those of a task that has ended are left to its record', () => {
  const many = Array.from({ length: 14 }, (_, index) => finding(`f-${index}`));
  expect(findingLines(task(many))).toHaveLength(11);
  expect(findingLines(task(many)).at(-1)).toBe('             ! 4 more');
  expect(findingLines(task(many, { status: 'merged' }))).toEqual([]);
});

it('what agents have said moves no cursor in any line', () => {
  const said = 'fine\u001b[2J\r\nmission done';
  const event = { seq: 1, type: 'reviewed' as const, task: 'T-1', at: 0, message: said };
  const waits = { gate: 'implement' as const, on: said, for: 'person' as const, since: 0 };
  const lines = [timelineLine(event, 0), eventLine(event), taskLine(task([], { waits }), 0)];
  lines.push(taskLine(task([], { reason: said }), 0));
  for (const line of lines) {
    expect(line).toContain('fine [2J mission done');
    expect(line).not.toMatch(/\p{Cc}/u);
  }
});
