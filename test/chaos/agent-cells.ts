/** What is killed in which state of an agent's session, and what is to come of it. */
import { noTmux } from '../support/tmux.ts';

/** The states of a session that can be told apart, in their order. */
export const states = {
  unlaunched: 'before its runner is launched',
  claimed: 'when its runner is there and its agent is not',
  silent: 'before its agent has said a word',
  talking: 'when its conversation has begun',
  tool: 'while a tool of its agent runs',
  committed: 'after its agent’s commit',
  ended: 'after its end, before that is read',
  quota: 'while its task waits for a quota',
};
export type State = keyof typeof states;

/**
 * What is killed. The engine's process is the worker of the workflows and of its own host; another host has a process of
 * its own. The first three take all sessions along, the others one.
 */
export const victims = {
  engine: 'the engine',
  host: 'the process of its host',
  tmux: 'the tmux server',
  runner: 'the runner',
  agent: 'the agent',
  tool: 'the tool',
};
export type Victim = keyof typeof victims;

export interface Cell {
  state: State;
  victim: Victim;
  /** Launches of the author's agent, by session; the first is left out where its agent never came up. */
  launched: number[];
  /** How the sessions are told to have ended. */
  outcomes: string[];
}

const once = { launched: [1], outcomes: ['done'] };
const killed = { launched: [1, 2], outcomes: ['killed', 'done'] };
const lost = { launched: [1, 2], outcomes: ['lost', 'done'] };
const afterQuota = { launched: [1, 2], outcomes: ['rate-limited', 'done'] };

/**
 * Left out: a host before the launch, which has no such point to die at; and what is not there yet or no longer (runner, agent and tool before their start and after their end; tmux
 * after the session's end, which closes its terminal; a tool where none runs).
 */
const table: Cell[] = [
  { state: 'unlaunched', victim: 'engine', ...once },
  { state: 'claimed', victim: 'engine', ...once },
  { state: 'silent', victim: 'engine', ...once },
  { state: 'talking', victim: 'engine', ...once },
  { state: 'tool', victim: 'engine', ...once },
  { state: 'committed', victim: 'engine', ...once },
  { state: 'ended', victim: 'engine', ...once },
  { state: 'quota', victim: 'engine', ...afterQuota },
  { state: 'claimed', victim: 'host', ...once },
  { state: 'silent', victim: 'host', ...once },
  { state: 'talking', victim: 'host', ...once },
  { state: 'tool', victim: 'host', ...once },
  { state: 'committed', victim: 'host', ...once },
  { state: 'ended', victim: 'host', ...once },
  { state: 'quota', victim: 'host', ...afterQuota },
  { state: 'unlaunched', victim: 'tmux', ...once },
  { state: 'claimed', victim: 'tmux', ...once },
  { state: 'silent', victim: 'tmux', ...once },
  { state: 'talking', victim: 'tmux', ...once },
  { state: 'tool', victim: 'tmux', ...once },
  { state: 'committed', victim: 'tmux', ...once },
  { state: 'quota', victim: 'tmux', ...afterQuota },
  { state: 'claimed', victim: 'runner', launched: [2], outcomes: ['lost', 'done'] },
  { state: 'silent', victim: 'runner', ...lost },
  { state: 'talking', victim: 'runner', ...lost },
  { state: 'tool', victim: 'runner', ...lost },
  { state: 'committed', victim: 'runner', launched: [1, 2], outcomes: ['lost', 'no-change'] },
  { state: 'silent', victim: 'agent', ...killed },
  { state: 'talking', victim: 'agent', ...killed },
  { state: 'tool', victim: 'agent', ...killed },
  { state: 'committed', victim: 'agent', launched: [1, 2], outcomes: ['killed', 'no-change'] },
  { state: 'tool', victim: 'tool', ...once },
];

export const cells = table.filter(({ victim }) => !noTmux || victim !== 'tmux');

/** States in which a conversation has begun that a second session can go on with. */
export const conversing: readonly State[] = ['talking', 'tool', 'committed', 'quota'];

/** What the agent does that gets into that state, at its first launch and at a second. */
export function goalOf(state: State, of: { at: string; go: string; file: string }): string {
  const { at, go, file } = of;
  const held = `note ${at}, wait ${go}`;
  const commit = `commit ${file}`;
  const first: Record<State, string> = {
    unlaunched: `AT 1: ${commit}`,
    claimed: `AT 1: ${commit}`,
    silent: `BEFORE 1: ${held}\nAT 1: ${commit}`,
    talking: `AT 1: ${held}, ${commit}`,
    tool: `AT 1: tool ${at} ${go}, ${commit}`,
    committed: `AT 1: ${commit}, ${held}`,
    ended: `AT 1: ${held}, ${commit}`,
    quota: `AT 1: quota`,
  };
  return `${first[state]}\nAT 2: ${state === 'committed' ? 'say it is there' : commit}`;
}

export function keyOf({ state, victim }: Cell): string {
  return `${victim}-${state}`;
}

export function cellsOf(...killed: Victim[]): Cell[] {
  return cells.filter(({ victim }) => killed.includes(victim));
}
