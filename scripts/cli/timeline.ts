import { gates, isActive, type Wait } from '../../schema/contracts/gates.ts';
import { isSettled, Severity, type KnownFinding } from '../../schema/contracts/review.ts';
import type { MissionEvent, TaskView } from '../../schema/contracts/views.ts';

/** One line of a live timeline: when, which task, what. */
export function timelineLine(event: MissionEvent, startedAt: number): string {
  const seconds = ((event.at - startedAt) / 1_000).toFixed(1).padStart(7);
  return `${seconds}s  ${(event.task ?? 'mission').padEnd(10)}  ${mark(event.type)} ${oneLine(event.message)}`;
}

/** One line of a record: its number, to go on after; when; which task; what. */
export function eventLine(event: MissionEvent): string {
  const at = new Date(event.at).toISOString();
  return `${String(event.seq).padStart(5)}  ${at}  ${(event.task ?? 'mission').padEnd(10)}  ${event.type.padEnd(17)}  ${oneLine(event.message)}`;
}

function mark(type: MissionEvent['type']): string {
  switch (type) {
    case 'gate-entered':
      return '▸';
    case 'waiting':
      return ' ';
    case 'sent-back':
      return '↩';
    case 'blocked':
      return '■';
    case 'merged':
    case 'mission-ended':
    case 'task-ended':
      return '✔';
    default:
      return '·';
  }
}

/** One line for each task: where it is and what it waits on, since when, for whom. */
export function taskLine(task: TaskView, now: number): string {
  const gate = `${gates.indexOf(task.gate) + 1}/${gates.length} ${task.gate}`;
  const waits = task.waits
    ? `waits ${Math.max(0, Math.round((now - task.waits.since) / 1_000))}s on ${oneLine(task.waits.on)}, for: ${task.waits.for}${describeLate(task.waits)}`
    : oneLine(task.reason ?? '');
  return `${task.id.padEnd(12)} ${task.status.padEnd(10)} ${gate.padEnd(22)} ${waits}`.trimEnd();
}

function describeLate({ late }: Wait): string {
  return late === undefined ? '' : `; ${oneLine(late)}`;
}

/** What a person is asked in a task, and what can be answered. */
export function questionLines(task: TaskView): string[] {
  return task.questions.flatMap(({ id, title, detail, options }) => [
    `${''.padEnd(12)} ? ${id}: ${oneLine(title)}${detail === null || detail === title ? '' : `: ${oneLine(detail)}`}`,
    ...options.map((option) => `${''.padEnd(16)} ${option.id}: ${oneLine(option.name)}`),
  ]);
}

/** A screen has room for so many, and for so much of what each says; `--json` has all. */
const findingsShown = 10;
const longestMessage = 120;

/** What reviewers have found in a task at work and nobody has settled, the worst first. */
export function findingLines(task: TaskView): string[] {
  const open = isActive(task.status) ? task.findings.filter((finding) => !isSettled(finding)) : [];
  const worstFirst = [...open].sort((one, other) => rank(one) - rank(other));
  const lines = worstFirst.slice(0, findingsShown).map(({ id, severity, state, file, line, message }) => {
    const place = file === undefined ? '' : ` ${file}${line === undefined ? '' : `:${line}`}`;
    const says = message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message;
    return `${''.padEnd(12)} ! ${oneLine(`${severity} (${state}) ${id}${place}: ${says}`)}`;
  });
  const left = open.length - lines.length;
  return left > 0 ? [...lines, `${''.padEnd(12)} ! ${left} more`] : lines;
}

function rank({ severity }: Pick<KnownFinding, 'severity'>): number {
  return Severity.options.indexOf(severity);
}

/** An agent's words: nothing in them moves the cursor of a terminal. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]+/gu, ' ');
}
