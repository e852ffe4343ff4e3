/** What is killed in which state of an agent's session, an author's or a reviewer's, and what is to come of it. */
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
  again: 'when it is asked again for an answer of another form',
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
  /** Whose session it is. */
  role: 'author' | 'review-one';
  /** Launches of its agent, by session; one is left out where its agent never came up. */
  launched: readonly number[];
  /** How the sessions are told to have ended. */
  outcomes: readonly string[];
  /** Which conversation each of them was in: the first, the second; null where none had begun, or it was taken up in vain. */
  conversations: readonly (number | null)[];
}

const once = { role: 'author', launched: [1], outcomes: ['done'], conversations: [1] } as const;
/** The second goes on with the conversation of the first. */
const twice = { role: 'author', launched: [1, 2], conversations: [1, 1] } as const;
const killed = { ...twice, outcomes: ['killed', 'done'] } as const;
const lost = { ...twice, outcomes: ['lost', 'done'] } as const;
const afterQuota = { ...twice, outcomes: ['rate-limited', 'done'] } as const;

const read = { role: 'review-one', launched: [1], outcomes: ['no-change'], conversations: [1] } as const;
/** A second begins anew: half of a reading is none. */
const readAnew = { role: 'review-one', launched: [1, 2], conversations: [1, 2] } as const;

/**
 * Left out: a host before the launch, which has no such point to die at; and what is not there yet or no longer (runner, agent and tool before their start and after their end; tmux
 * after the session's end, which closes its terminal; a tool where none runs). A reviewer's session is run as an
 * author's is: what is told of it is what comes of it, not each state again. It is where the engine is, so no other
 * host has it.
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
  { state: 'claimed', victim: 'runner', ...lost, launched: [2], conversations: [null, 1] },
  { state: 'silent', victim: 'runner', ...lost, conversations: [null, 1] },
  { state: 'talking', victim: 'runner', ...lost },
  { state: 'tool', victim: 'runner', ...lost },
  { state: 'committed', victim: 'runner', ...lost, outcomes: ['lost', 'no-change'] },
  { state: 'silent', victim: 'agent', ...killed, conversations: [null, 1] },
  { state: 'talking', victim: 'agent', ...killed },
  { state: 'tool', victim: 'agent', ...killed },
  { state: 'committed', victim: 'agent', ...killed, outcomes: ['killed', 'no-change'] },
  { state: 'tool', victim: 'tool', ...once },

  { state: 'unlaunched', victim: 'engine', ...read },
  { state: 'claimed', victim: 'engine', ...read },
  { state: 'talking', victim: 'engine', ...read },
  { state: 'ended', victim: 'engine', ...read },
  {
    ...{ state: 'again', victim: 'engine', role: 'review-one', launched: [1, 2], conversations: [1, 1] },
    outcomes: ['no-change', 'no-change'],
  },
  { state: 'talking', victim: 'tmux', ...read },
  { state: 'talking', victim: 'runner', ...readAnew, outcomes: ['lost', 'no-change'] },
  { state: 'talking', victim: 'agent', ...readAnew, outcomes: ['killed', 'no-change'] },
  {
    ...{
      state: 'again',
      victim: 'runner',
      role: 'review-one',
      launched: [1, 2, 3],
      conversations: [1, null, 2],
    },
    outcomes: ['no-change', 'lost', 'no-change'],
  },
];

export const cells = table.filter(({ victim }) => !noTmux || victim !== 'tmux');

/** What the agent does that gets into that state, launch by launch. */
export function goalOf({ role, state }: Cell, of: { at: string; go: string; file: string }): string {
  const { at, go, file } = of;
  const held = `note ${at}, wait ${go}`;
  const [who, work] = role === 'author' ? ['AT', `commit ${file}`] : ['ONE', 'approve'];
  const first: Record<State, string> = {
    unlaunched: `${who} 1: ${work}`,
    claimed: `${who} 1: ${work}`,
    silent: `BEFORE 1: ${held}\n${who} 1: ${work}`,
    talking: `${who} 1: ${held}, ${work}`,
    tool: `${who} 1: tool ${at} ${go}, ${work}`,
    committed: `${who} 1: ${work}, ${held}`,
    ended: `${who} 1: ${held}, ${work}`,
    quota: `${who} 1: quota`,
    again: `${who} 1: say LGTM\n${who} 2: ${held}, ${work}\n${who} 3: ${work}`,
  };
  const next = state === 'committed' ? 'say it is there' : work;
  return state === 'again' ? first.again : `${first[state]}\n${who} 2: ${next}`;
}

export function keyOf({ state, victim, role }: Cell): string {
  return role === 'author' ? `${victim}-${state}` : `${victim}-${state}-${role}`;
}

export function cellsOf(...killed: Victim[]): Cell[] {
  return cells.filter(({ victim }) => killed.includes(victim));
}
