/** All that waits for a person, whoever asks: one list, and one way to answer. */
import { z } from 'zod';
import type { Gate, Wait } from './gates.ts';
import { MissionKey, Name, Sha } from './names.ts';
import { blockedItem, EscalationKind, OptionId, pausedItem, QuestionOption } from './question.ts';
import { TaskView, type MissionView } from './views.ts';

export const InboxKind = z.enum([
  /** An agent asks for leave, or the engine for a decision. */
  'question',
  /** A head is ready, and may be merged when somebody says so. */
  'go-ahead',
  /** A task has come to its bounds. */
  'blocked',
  /** The base is to be mended; nobody answers that here. */
  'red-base',
  /** The engine has paused the mission. */
  'paused',
]);
export type InboxKind = z.infer<typeof InboxKind>;

/** Mission, task where it is one's, and what of it, with dots between. It is another one when something else is asked. */
export const ItemId = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}(?:\.[A-Za-z0-9][A-Za-z0-9_-]{0,79}){1,2}$/,
    'an item is like greetings.T-001.blocked-1763769600000: the inbox has it',
  );

export const InboxItem = z.object({
  id: ItemId,
  kind: InboxKind,
  /** Why a person is asked; `permission`: an agent wants leave. Null where the policy wants one to say yes. */
  about: z.enum(['permission', ...EscalationKind.options]).nullable(),
  mission: MissionKey,
  task: Name.nullable(),
  /** The task's, or the mission's. */
  title: z.string(),
  /** What is wanted, in one line. */
  asks: z.string(),
  /** What one has to know for the answer. */
  detail: z.string().nullable(),
  /** The check that was red, as it was run. */
  command: z.string().nullable(),
  headSha: Sha.nullable(),
  pullRequest: z.number().nullable(),
  issue: z.number().nullable(),
  /** None: it goes on by itself when somebody has mended what it waits for. */
  choices: z.array(QuestionOption),
  /** Since when it waits, in milliseconds since 1970. */
  since: z.number(),
  /** When `default` is taken; see `Question`. */
  expiresAt: z.number().optional(),
  default: OptionId.optional(),
  /** The command that answers it. */
  answerWith: z.string().nullable(),
});
export type InboxItem = z.infer<typeof InboxItem>;

/** As much of a task as its items are made of. */
export const WaitingTask = TaskView.pick({
  id: true,
  title: true,
  status: true,
  gate: true,
  waits: true,
  issue: true,
  headSha: true,
  pullRequest: true,
  goAhead: true,
  questions: true,
  failures: true,
  reason: true,
  blocked: true,
});
export type WaitingTask = z.infer<typeof WaitingTask>;

/** Whose answer an item's id asks for. */
export type ItemAddress = { mission: string } & (
  | { kind: 'question'; task: string; question: string }
  | { kind: 'go-ahead'; task: string; headSha: string }
  | { kind: 'blocked'; task: string; since: number }
  | { kind: 'red-base'; task: string }
  | { kind: 'paused'; since: number }
);

/** Undefined: there never was such an item. */
export function readItemId(id: string): ItemAddress | undefined {
  const [mission = '', task = '', what] = id.split('.');
  if (what === undefined) {
    const [, since] = /^paused-(\d+)$/.exec(task) ?? [];
    return since === undefined ? undefined : { kind: 'paused', mission, since: Number(since) };
  }
  const [, headSha] = /^go-ahead-([0-9a-f]+)$/.exec(what) ?? [];
  if (headSha !== undefined) return { kind: 'go-ahead', mission, task, headSha };
  const [, since] = /^blocked-(\d+)$/.exec(what) ?? [];
  if (since !== undefined) return { kind: 'blocked', mission, task, since: Number(since) };
  if (what === 'red-base') return { kind: 'red-base', mission, task };
  return { kind: 'question', mission, task, question: what };
}

/** How many of a task's newest failures tell why it is blocked. */
const failuresTold = 3;

const choicesOfBlocked = [
  { id: 'retry', name: 'Try it again; a note tells the next session what to do' },
  { id: 'skip', name: 'Go on without it, as if it were done' },
  { id: 'abandon', name: 'Give it up' },
];

/** What a task waits for a person to answer, decide or mend. */
export function itemsOfTask(of: { mission: string; view: WaitingTask }): InboxItem[] {
  const { mission, view } = of;
  const { headSha, pullRequest, issue, waits } = view;
  const common = { mission, task: view.id, title: view.title, headSha, pullRequest, issue, command: null };
  const items = view.questions.map((question): InboxItem => {
    const { id, kind = 'permission', title: asks, detail, options: choices, at, ...expiry } = question;
    const { expiresAt, default: option } = expiry;
    return item({
      ...{ ...common, what: id, kind: 'question', about: kind, asks, detail, choices, since: at },
      ...(expiresAt === undefined || option === undefined ? {} : { expiresAt, default: option }),
    });
  });
  if (view.status === 'blocked') {
    const since = view.blocked?.at ?? waits?.since ?? 0;
    const failures = view.failures.slice(-failuresTold).map(({ gate, message }) => `${gate}: ${message}`);
    items.push(
      item({
        ...{ ...common, what: blockedItem(since), kind: 'blocked', since, choices: choicesOfBlocked },
        about: view.blocked?.about ?? 'remediation',
        asks: view.reason ?? 'the task is blocked',
        detail: failures.length === 0 ? null : failures.join('\n'),
        command: view.failures.at(-1)?.check ?? null,
      }),
    );
  } else if (waits?.for === 'person' && view.questions.length === 0) {
    const { on: asks, since, about = aboutOfOld(waits.gate) } = waits;
    // A mission that is paused has been told of already, or somebody has paused it.
    if (about === 'go-ahead' && headSha !== null) {
      const choices = [{ id: 'approve', name: `Merge ${headSha} when its turn comes` }];
      const what = `go-ahead-${headSha}`;
      items.push(
        item({ ...common, what, kind: 'go-ahead', about: null, asks, detail: null, choices, since }),
      );
    } else if (about === 'red-base') {
      const what = 'red-base';
      items.push(
        item({ ...common, what, kind: 'red-base', about: null, asks, detail: null, choices: [], since }),
      );
    }
  }
  return items;
}

/** A mission that the engine has paused. Whoever pauses one by hand knows of it. */
export function itemsOfMission(view: MissionView): InboxItem[] {
  const { id: mission, title, paused } = view;
  if (view.status !== 'paused' || paused?.by !== 'engine') return [];
  return [
    item({
      ...{ mission, task: null, title, kind: 'paused', about: 'remediation', since: paused.at },
      ...{
        what: pausedItem(paused.at),
        headSha: null,
        pullRequest: null,
        issue: null,
        command: null,
        detail: null,
      },
      asks: paused.reason ?? 'the mission is paused',
      choices: [
        { id: 'resume', name: 'Try it again, and go on' },
        { id: 'cancel', name: 'Cancel the mission' },
      ],
    }),
  ];
}

function item(of: Omit<InboxItem, 'id' | 'answerWith'> & { what: string }): InboxItem {
  const { what, ...rest } = of;
  const id = [of.mission, ...(of.task === null ? [] : [of.task]), what].join('.');
  const choices = of.choices.map((choice) => choice.id).join('|');
  return { id, ...rest, answerWith: choices === '' ? null : `mission answer ${id} ${choices}` };
}

/** Views of before that was kept don't say what a person is waited for. */
function aboutOfOld(gate: Gate): Wait['about'] {
  if (gate === 'go-ahead') return 'go-ahead';
  return gate === 'merge-lane' || gate === 'verify-merge' ? 'red-base' : undefined;
}
