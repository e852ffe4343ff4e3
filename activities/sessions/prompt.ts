import type { PlannedTask } from '../../schema/contracts/plan.ts';
import type { Finding } from '../../schema/contracts/review.ts';
import type { Feedback } from '../../workflows/ports.ts';

/** What a session reads on its standard input. Kept beside the session, so that anybody can see what it was told. */
export function composePrompt(of: {
  mission: string;
  task: PlannedTask;
  branch: string;
  feedback: readonly Feedback[];
  guidance: readonly string[];
}): string {
  const { task } = of;
  const sections = [
    `# ${task.id}: ${task.title}`,
    `Mission ${of.mission}. You work in a clone of your own, on the branch ${of.branch}.`,
    section('Goal', [task.goal]),
    section('Acceptance', list(task.acceptance)),
    section(
      'Checks that must be green in a clean checkout',
      list(task.checks.map((check) => `\`${check}\``)),
    ),
    section('What earlier attempts came to', of.feedback.map(describeFeedback)),
    section('Guidance', list(of.guidance)),
    section('Rules', list(rules)),
  ];
  return `${sections.filter((text) => text !== '').join('\n\n')}\n`;
}

const rules = [
  'Commit your work on the branch you were given. Do not push: the engine pushes what it has verified.',
  'Done means commits on that branch and green checks, not an exit code.',
  'If nothing needs to change, write {"outcome":"no-change-needed","reason":"…"} to the file that MISSION_OUTCOME_FILE names.',
];

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [`## ${title}`, ...lines].join('\n');
}

function list(items: readonly string[]): string[] {
  return items.map((item) => `- ${item}`);
}

function describeFeedback(feedback: Feedback): string {
  const lines = [`- ${feedback.gate}: ${feedback.message}`, ...feedback.findings.map(describeFinding)];
  // Indented, not fenced: a log that contains a fence would end it and speak in our voice.
  if (feedback.excerpt !== null)
    lines.push(
      '',
      ...feedback.excerpt
        .trimEnd()
        .split('\n')
        .map((line) => `      ${line}`),
    );
  return lines.join('\n');
}

function describeFinding(finding: Finding): string {
  const place = finding.file === undefined ? '' : ` ${finding.file}:${finding.line ?? 1}`;
  return `  - ${finding.severity} [${finding.category}]${place} ${finding.message}`;
}
