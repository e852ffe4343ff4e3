/** Why a task may not be merged yet: what each gate of its chain has seen, and what it still asks for. */
import { z } from 'zod';
import { Gate, gates, isEnded, TaskStatus, Wait } from './gates.ts';
import type { LaneView } from './lane.ts';
import type { Policy } from './mission-file.ts';
import { Sha } from './names.ts';
import type { MissionView, TaskView } from './views.ts';
import { factsOf } from './why-gates.ts';

/** `failed` holds the task up, or has sent it back; `here` is where it is at work. */
export const GateState = z.enum(['passed', 'here', 'not-yet', 'failed', 'not-needed']);
export type GateState = z.infer<typeof GateState>;

/** One thing that a gate has seen. */
export const Evidence = z.object({
  what: z.string(),
  says: z.string(),
  sha: Sha.optional(),
  /** Of what is bound to one head: whether that is the present one. */
  counts: z.boolean().optional(),
});
export type Evidence = z.infer<typeof Evidence>;

export const GateWhy = z.object({
  gate: Gate,
  state: GateState,
  evidence: z.array(Evidence),
  /** In one sentence; null where nothing is. */
  missing: z.string().nullable(),
  /** Whose turn it is. */
  for: Wait.shape.for.nullable(),
  /** In milliseconds since 1970. */
  since: z.number().nullable(),
  /** What a person can type; null where the engine goes on by itself. */
  command: z.string().nullable(),
});
export type GateWhy = z.infer<typeof GateWhy>;

export const Why = z.object({
  mission: z.string(),
  task: z.string(),
  title: z.string(),
  status: TaskStatus,
  headSha: Sha.nullable(),
  /** The whole in one sentence. */
  answer: z.string(),
  gates: z.array(GateWhy),
});
export type Why = z.infer<typeof Why>;

/** What is looked at. Beside the view everything may be missing: then less can be told. */
export interface WhyOf {
  mission: string;
  view: TaskView;
  /** The branch that it is to be merged into. */
  base: string;
  policy: Pick<Policy, 'coordinators' | 'reviewers' | 'requireCi' | 'twoPersons'>;
  checks?: readonly string[] | undefined;
  /** The tasks that it depends on and that are not satisfied yet. */
  after?: readonly { id: string; status: TaskStatus }[];
  paused?: MissionView['paused'];
  lane?: LaneView | undefined;
}

/** The gates of the chain in their order, each with its state, its evidence and what it still asks for. */
export function whyNot(of: WhyOf): Why {
  const { mission, view } = of;
  const { id: task, title, status, headSha } = view;
  const chain = gates.slice(0, -1).map((gate) => whyGate(of, gate));
  return { mission, task, title, status, headSha, answer: answerOf(of, chain), gates: chain };
}

function whyGate(of: WhyOf, gate: Gate): GateWhy {
  const state = stateOf(of.view, gate);
  const { evidence, asks, for: whose } = factsOf(of, gate);
  const common = { gate, state, evidence };
  const nothing = { missing: null, for: null, since: null, command: null };
  if (state === 'passed' || state === 'not-needed') return { ...common, ...nothing };
  if (isEnded(of.view.status)) {
    return {
      ...common,
      ...nothing,
      missing: `nothing comes any more: the task has ended as ${of.view.status}`,
    };
  }
  if (gate === of.view.gate && of.view.status !== 'waiting' && of.view.status !== 'deferred') {
    return { ...common, ...presentOf(of, asks) };
  }
  if (gate === 'intake') return { ...common, ...nothing, ...beginningOf(of) };
  const last = state === 'failed' ? of.view.failures.findLast((one) => one.gate === gate) : undefined;
  const missing = last === undefined ? asks : `a head that mends this: ${last.message}`;
  return { ...common, ...nothing, missing, for: last === undefined ? whose : 'agent' };
}

export function stateOf(view: TaskView, gate: Gate): GateState {
  const { status, headSha } = view;
  if (status === 'waiting' || status === 'deferred') return 'not-yet';
  const here = gates.indexOf(view.gate);
  const index = gates.indexOf(gate);
  const changesNothing = headSha === null && here >= gates.indexOf('close-issue');
  if (changesNothing && index > gates.indexOf('verify-delivery') && index < gates.indexOf('close-issue')) {
    return 'not-needed';
  }
  if (index < here) {
    return gate === 'go-ahead' && view.goAhead?.via === 'policy' ? 'not-needed' : 'passed';
  }
  if (index === here) return status === 'running' ? 'here' : 'failed';
  return hasSentBack(view, gate) ? 'failed' : 'not-yet';
}

/** Whether a later gate is why the task is where it is. A head that was delivered since has a new chance everywhere. */
function hasSentBack({ failures, gate: here, headSha }: TaskView, gate: Gate): boolean {
  const isBeingMended = gates.indexOf(here) <= gates.indexOf('verify-delivery');
  if (isBeingMended && failures.at(-1)?.gate === gate) return true;
  return headSha !== null && failures.some((failure) => failure.gate === gate && failure.sha === headSha);
}

type Present = Pick<GateWhy, 'missing' | 'for' | 'since' | 'command'>;

/** Of the gate where the task is: what it waits for just now, and what would move it. */
function presentOf({ mission, view, paused }: WhyOf, asks: string): Present {
  const { waits, status, gate, headSha } = view;
  const at = `${mission} ${view.id}`;
  const since = waits?.since ?? null;
  if (status === 'blocked') {
    const missing = `an answer of a person: it is blocked, since ${view.reason ?? 'a step has failed'}`;
    return { missing, for: 'person', since, command: `mission resolve ${at} retry` };
  }
  const [question] = view.questions;
  if (question) {
    const options = question.options.map(({ id }) => id).join(', ');
    const missing = `an answer to ${question.id} (${options}): ${question.title}`;
    return {
      missing,
      for: 'person',
      since,
      command: `mission answer ${mission}.${view.id}.${question.id} OPTION`,
    };
  }
  // What is under way in a mission that is paused comes to its end first.
  if (paused && waits?.for === 'person') {
    const missing = `the mission is paused by ${paused.by}`;
    return { missing, for: 'person', since, command: `mission resume ${mission}` };
  }
  if (gate === 'go-ahead') {
    return {
      missing: asks,
      for: 'person',
      since,
      command: `mission approve ${at} --head ${headSha ?? 'SHA'}`,
    };
  }
  return {
    missing: waits ? `it waits on ${waits.on}` : asks,
    for: waits?.for ?? 'engine',
    since,
    command: null,
  };
}

/** Of a task that has not begun. */
function beginningOf({ mission, view, after = [], paused }: WhyOf): Partial<Present> {
  if (view.status === 'deferred') {
    const command = `mission amend ${mission} --move ${view.id} --to ${view.milestone} --reason REASON`;
    return { missing: 'it is deferred: out of the plan for now', for: 'person', command };
  }
  if (paused) {
    const missing = `it has not begun: the mission is paused by ${paused.by}`;
    return { missing, for: 'person', since: paused.at, command: `mission resume ${mission}` };
  }
  const missing =
    after.length > 0
      ? `it begins after ${after.map(({ id, status }) => `${id} (${status})`).join(', ')}`
      : 'it has not begun: its turn among the tasks of the mission comes';
  return { missing, for: 'engine' };
}

function answerOf({ view }: WhyOf, chain: readonly GateWhy[]): string {
  const { id, status, mergeSha } = view;
  const reason = view.reason === null ? '' : `: ${view.reason}`;
  if (status === 'merged') return `${id} is merged as ${mergeSha ?? 'a commit of the base'}`;
  if (status === 'no-change') return `${id} has nothing to merge${reason}`;
  if (isEnded(status)) return `${id} will not be merged, it has ended as ${status}${reason}`;
  // Where it is tells more than what an earlier look at a later gate has found.
  const open = chain.find(({ missing }) => missing !== null);
  const what = open === undefined ? '' : `: ${open.gate}: ${open.missing ?? ''}`;
  return mergeSha === null
    ? `${id} may not be merged yet${what}`
    : `${id} is merged as ${mergeSha}, and not done${what}`;
}
