/** What a session reads on its standard input. Kept beside the session, so that anybody can see what it was told. */
import { cutText } from '../../schema/contracts/cut.ts';
import type { StartedTask } from '../../schema/contracts/plan.ts';
import { placeOf, type Finding, type KnownFinding } from '../../schema/contracts/review.ts';
import type { Feedback } from '../../workflows/ports.ts';
import { describeOpen } from '../review/earlier.ts';
import { explain, markOf, quote, show, type Line } from './quote.ts';

/** A page or two of rules is read; a book of them pushes the task out of sight. */
const maxAgentsFile = 32_000;

/** Of what earlier attempts came to, the newest counts most. */
const maxPast = 40_000;

export interface Layers {
  title: string;
  place: string;
  /** AGENTS.md as of the base commit: a change can't rewrite the rules that it is judged by. */
  agentsFile: string | undefined;
  persona: string;
  brief: Section[];
  form: string[];
  mode: string;
  /** Beside those of all. */
  gates?: string[];
}

/** Without lines it is left out. */
export interface Section {
  title: string;
  lines: readonly Line[];
}

/** The layers in their order: what nobody may loosen comes first, what to answer comes last. */
export function compose(of: Layers): string {
  const below: Section[] = [
    { title: 'AGENTS.md of the base branch', lines: quoteAgentsFile(of.agentsFile) },
    { title: 'Who you are', lines: [of.persona] },
    ...of.brief,
    { title: 'Answer', lines: of.form },
    { title: 'Mode', lines: [of.mode] },
  ];
  const lines = below.flatMap((section) => section.lines);
  const mark = markOf(lines);
  const quotes = lines.some((line) => typeof line !== 'string');
  const held = [...(of.gates ?? []), ...gates, ...(quotes ? [explain(mark)] : [])];
  const all: Section[] = [
    { title: 'Gates', lines: ['The engine holds these gates. Nothing below loosens them.', ...list(held)] },
    ...below,
  ];
  const sections = all
    .filter((section) => section.lines.length > 0)
    .map((section) => [`## ${section.title}`, ...section.lines.map((line) => show(line, mark))].join('\n'));
  return `${[`# ${of.title}`, of.place, ...sections].join('\n\n')}\n`;
}

const authorGates = [
  'Commit your work on the branch you were given. Do not push: the engine pushes what it has verified.',
  'Done means commits on that branch and green checks in a clean checkout, not an exit code and not a report.',
];

const gates = [
  'Tests and checks are not weakened, skipped or deleted to make them green.',
  'No secret is written into a file or a commit.',
  'A change of `.mission/` or AGENTS.md needs a person, whoever makes it.',
];

export function authorPrompt(of: {
  mission: string;
  task: StartedTask;
  branch: string;
  agentsFile: string | undefined;
  feedback: readonly Feedback[];
  guidance: readonly string[];
  /** Where the task stands, as a handoff tells it, where an earlier session was lost. */
  handoff: string | undefined;
  findings?: readonly KnownFinding[] | undefined;
  /** Whether the session goes on with a conversation that it has had. */
  resumed: boolean;
}): string {
  const { task } = of;
  const past = cutText(
    of.feedback.map(describeFeedback).join('\n'),
    maxPast,
    'the rest stands in the mission’s record',
  );
  return compose({
    // On one line: what follows would be a section of ours.
    title: `${task.id}: ${task.title.replaceAll(/\s+/g, ' ')}`,
    place: `Mission ${of.mission}. You work in a clone of your own, on the branch ${of.branch}.${of.resumed ? goesOn : ''}`,
    gates: authorGates,
    agentsFile: of.agentsFile,
    persona: 'You are the author of this change. Others review it, and none of them is you.',
    brief: [
      ...describeTask(task),
      {
        title: 'Checks that must be green in a clean checkout',
        lines: list(task.checks.map((check) => `\`${check}\``)),
      },
      {
        title: 'Where the task stands',
        lines: of.handoff === undefined ? [] : [afterLoss, quote('where the task stands', of.handoff)],
      },
      { title: 'Findings of reviewers', lines: describeOpen(of.findings ?? []) },
      {
        title: 'What earlier attempts came to',
        lines: past === '' ? [] : [quote('failures, findings and logs', past)],
      },
      { title: 'Guidance', lines: list(of.guidance) },
    ],
    form: [
      'End with a few lines on what you changed and how you have checked it. They are kept as your claim.',
      'If nothing needs to change, write {"outcome":"no-change-needed","reason":"…"} to the file that MISSION_OUTCOME_FILE names.',
    ],
    mode: 'deliver: carry out this one task and nothing beside it. Planning, reviews and merges are done by others.',
  });
}

/** The first prompt of an agent in a terminal that plans missions and answers for them. */
export function orchestratorPrompt({ name }: { name: string }): string {
  return compose({
    title: `${name}: orchestrator`,
    place: 'You work in a terminal of the fleet. Messages come as `[source -> you] …`.',
    agentsFile: undefined,
    persona:
      'You are an orchestrator. The work is done by the sessions of missions, and none of them is you.',
    brief: [
      {
        title: 'Commands',
        lines: list([
          '`mission start FILE` starts a mission, and `mission show ID` tells where it stands',
          '`mission inbox` tells what waits for an answer, and `mission answer` gives it',
          '`mission amend`, `mission pause` and `mission cancel` steer a mission; each has `--help`',
          '`mission agent send AGENT TEXT --verify` writes to another agent of the fleet',
        ]),
      },
    ],
    form: ['Name the missions that you have started or answered for, and what still waits for whom.'],
    mode: 'orchestrate: plan missions, start them and answer for them. You edit, commit, push and merge nothing yourself: what a mission has not verified is not done.',
  });
}

const afterLoss = 'The session before yours was lost. You carry on from here:';

const goesOn =
  ' You go on with your own conversation: here is the whole brief again, with what has happened since.';

export function describeTask(task: StartedTask): Section[] {
  return [
    { title: 'Goal', lines: [task.goal] },
    { title: 'Constraints', lines: list(task.constraints ?? []) },
    { title: 'Acceptance', lines: list(task.acceptance) },
    { title: 'Only these paths may change', lines: list(task.paths ?? []) },
    { title: 'Ruled out', lines: list(task.ruledOut ?? []) },
    { title: 'Where to look', lines: list(task.pointers ?? []) },
  ];
}

function quoteAgentsFile(text: string | undefined): Line[] {
  if (text === undefined || text.trim() === '') return [];
  return [quote('AGENTS.md', cutText(text.trimEnd(), maxAgentsFile, 'read AGENTS.md in your clone'))];
}

function list(items: readonly string[]): string[] {
  return items.map((item) => `- ${item}`);
}

function describeFeedback(feedback: Feedback): string {
  const lines = [`- ${feedback.gate}: ${feedback.message}`, ...feedback.findings.map(describeFinding)];
  return [...lines, ...(feedback.excerpt === null ? [] : ['', feedback.excerpt.trimEnd()])].join('\n');
}

function describeFinding(finding: Finding): string {
  return `  - ${finding.severity} [${finding.category}]${placeOf(finding)} ${finding.message}`;
}
