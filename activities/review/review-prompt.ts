/** What a reviewer reads on its standard input. All that others have written is quoted in it. */
import type { StartedTask } from '../../schema/contracts/plan.ts';
import type { KnownFinding } from '../../schema/contracts/review.ts';
import type { ReviewerRole } from '../../workflows/ports.ts';
import { compose, describeTask, type Section } from '../sessions/prompt.ts';
import { quote } from '../sessions/quote.ts';
import type { BoundedDiff } from './bounded-diff.ts';
import { describeEarlier } from './earlier.ts';

export interface Change {
  headSha: string;
  baseSha: string;
  /** The messages of its commits. */
  commits: string;
  diff: BoundedDiff;
}

const personas: Record<ReviewerRole, string> = {
  security:
    'You are the security reviewer of this change, called since it touches what needs one; two others read it for everything else, and none of you is its author. Look for what lets somebody read, do or be what is not theirs: logins and rights, input that reaches a command, a query, a path or a page, secrets, cryptography, dependencies.',
  fixes:
    'You verify fixes in this change, and nothing else; others read it for everything else, and none of you is its author. What its author claims is no evidence.',
};

/** Whoever reads for one thing is not to read for all. */
const tasksOfRoles: Partial<Record<ReviewerRole, string>> = {
  fixes:
    'For each finding of these that is new or open, whoever has found it: is it mended at this head, in all places where it has to be, and without its test or check being bent? Repeat each that is not, with its "id" in the finding and what is missing; it is a blocker if it was one. Approve when all of them are mended.',
};

const form = [
  'Your last message is your answer: one JSON object and nothing else, without words around it and without a code fence.',
  '{"verdict":"approve"|"request-changes","summary":string,',
  '"findings":[{"severity":"blocker"|"should-fix"|"nit","category":string,"file":string,"line":number,"message":string}]}',
  'A finding names its file and line in the change where it has one. An approval with a blocker is no answer.',
];

export const mode =
  'review: read, and change nothing. A change in your checkout voids your verdict, a new file that git does not ignore too: write what you need below $TMPDIR.';

export function reviewPrompt(
  of: Change & {
    task: StartedTask;
    agentsFile: string | undefined;
    role?: ReviewerRole | undefined;
    /** What was found so far, and by whom it is read now. */
    earlier?: readonly KnownFinding[];
    engine?: string;
    /** What was wrong with the reviewer's last answer. */
    malformed?: string | undefined;
    /** Whether the session goes on with the conversation that this answer was given in. */
    resumed: boolean;
  },
): string {
  const { task, headSha, baseSha, role, malformed, resumed, earlier = [], engine = '' } = of;
  const common = {
    title: `Review of ${task.id}`,
    place: `You stand in a clean checkout of ${headSha}. Read the change \`git diff ${baseSha} ${headSha}\`.`,
    persona: role === undefined ? 'You are a reviewer of this change, and not its author.' : personas[role],
    form,
    mode,
  };
  const again = describeMalformed(malformed);
  if (resumed) return compose({ ...common, agentsFile: undefined, brief: [again] });
  const brief = quoteTask(task);
  const own = role === undefined ? undefined : tasksOfRoles[role];
  const rounds = { title: 'Earlier rounds', lines: describeEarlier(earlier, { engine, own }) };
  return compose({
    ...common,
    agentsFile: of.agentsFile,
    brief: [...brief, ...describeChange(of), rounds, again],
  });
}

/** What the task asks for. */
export function quoteTask(task: StartedTask): Section[] {
  return [{ title: 'Title', lines: [task.title] }, ...describeTask(task)].map(quoteAll);
}

function quoteAll({ title, lines }: Section): Section {
  const text = lines.map((line) => (typeof line === 'string' ? line : line.text)).join('\n');
  return { title, lines: lines.length === 0 ? [] : [quote(title, text)] };
}

function describeMalformed(malformed: string | undefined): Section {
  const title = 'Your last answer';
  if (malformed === undefined) return { title, lines: [] };
  return {
    title,
    lines: ['It was none, and counts for nothing:', quote('fault', malformed), 'Answer again.'],
  };
}

export function describeChange({ commits, diff, baseSha, headSha }: Change): Section[] {
  const { text, leftOut, unnamed } = diff;
  const cut = [
    `The diff is cut: ${leftOut.length + unnamed} files of it are left out here, and belong to the change all the same. Read each of them by \`git diff ${baseSha} ${headSha} -- FILE\`:`,
    quote('files that are left out', leftOut.join('\n')),
    ...(unnamed === 0 ? [] : [`and ${unnamed} more, which \`git diff --stat ${baseSha} ${headSha}\` names.`]),
  ];
  return [
    { title: 'Commits', lines: commits.trim() === '' ? [] : [quote('commit messages', commits)] },
    {
      title: 'Diff',
      lines: [...(text === '' ? [] : [quote('diff', text)]), ...(leftOut.length === 0 ? [] : cut)],
    },
  ];
}
