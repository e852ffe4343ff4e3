/** What each agent program needs to be told, and how it is understood. One small module a runtime implements it. */
import type { AgentEvent, Effort, ModelFault, QuotaWindow, Usage } from '../../../schema/contracts/agent.ts';
import type { Step } from '../../processes/spec.ts';

/** What an operator adds to every launch of a runtime, from the roster; a mission's text never does. */
export interface RuntimeSettings {
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  /** The model where neither task, milestone nor mission names one. */
  model?: string | undefined;
  /** Whose login this machine has, where it is not the account of the runtime's name. */
  account?: string | undefined;
}

export interface Launch {
  sessionId: string;
  model: string | undefined;
  effort: Effort | undefined;
  /** The conversation to take up again, by the runtime's own id. */
  conversation: string | undefined;
  settings: RuntimeSettings;
}

/** The prompt always comes by file on standard input; standard output goes to a file. */
export interface Prepared {
  argv: [string, ...string[]];
  env: Record<string, string>;
  /** The conversation's id where it is known before the start. Otherwise a `started` event tells it, if it comes. */
  conversation: string | undefined;
  /** Files of the session's folder that the program reads. */
  files?: Record<string, string>;
  /** What the runner has to know of the program. */
  step?: Pick<Step, 'graceMs' | 'waits'>;
}

/** Reads a session's output line by line. It remembers what it has read: one reader a session. */
export type LineReader = (line: string) => AgentEvent[];

export interface Runtime {
  /** Asks the program for its version; the first group of `pattern` is the version in the answer. */
  version: { args: string[]; pattern: RegExp; from: string; before: string };
  /** Settings of the person who runs the engine that the program needs, its login before all: files under HOME. */
  homeEnvironment(home: string): Record<string, string>;
  /** What keeps it from asking for permissions, also in a terminal: nobody sits before it to allow each step. */
  unasked: { args: readonly string[]; env: Readonly<Record<string, string>> };
  prepare(launch: Launch): Prepared;
  /**
   * `counted`: what earlier sessions of the same conversation were seen to use. A program that tells a conversation's
   * totals would count it twice.
   */
  createReader(counted?: Usage): LineReader;
  /** What a program that ends without a `started` event says on standard error, by what it means. */
  complaints: Readonly<Partial<Record<Complaint, RegExp>>>;
  /** Finds a conversation that the program has told nothing of; undefined where there is none to be found. */
  findConversation?(of: { sessionId: string; ask: Ask }): Promise<string | undefined>;
  /** What the program has written of its account's windows in files of its own, since then, and not told in its output. */
  findWindows?(of: ConversationNotes): Promise<QuotaWindow[]>;
  /** What stood between it and its model since then, where it has only noted that in files of its own. */
  findFault?(of: ConversationNotes): Promise<AgentEvent | undefined>;
}

/** What a program has written of a conversation in files of its own, `since` a time in milliseconds since 1970. */
export interface ConversationNotes {
  conversation: string;
  env: Readonly<Record<string, string>>;
  since: number;
}

/** What a session needs of a runtime. What speaks the Agent Client Protocol is not asked for a version. */
export type Driver = Omit<Runtime, 'version' | 'unasked'> & Partial<Pick<Runtime, 'version'>>;

/** `conversation-gone`: there is none to take up again, so begin afresh. */
export type Complaint = 'conversation-gone' | ModelFault;

/** Runs the program with these arguments where and as the session ran; the answer is its standard output. */
export type Ask = (args: readonly string[]) => Promise<string>;
