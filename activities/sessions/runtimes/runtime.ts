/** What each agent program needs to be told, and how it is understood. One small module a runtime implements it. */
import type { AgentEvent, Effort } from '../../../schema/contracts/agent.ts';

/** What an operator adds to every launch of a runtime, from the roster; a mission's text never does. */
export interface RuntimeSettings {
  args: readonly string[];
  env: Readonly<Record<string, string>>;
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
  /** The conversation's id where the engine chooses it. Otherwise it comes with a `started` event, if it comes. */
  conversation: string | undefined;
}

/** Reads a session's output line by line. It remembers what it has read: one reader a session. */
export type LineReader = (line: string) => AgentEvent[];

export interface Runtime {
  /** Asks the program for its version; `pattern` finds it in the answer. */
  version: { args: string[]; pattern: RegExp; from: string; before: string };
  /** Settings of the person who runs the engine that the program needs, its login before all: files under HOME. */
  homeEnvironment(home: string): Record<string, string>;
  prepare(launch: Launch): Prepared;
  createReader(): LineReader;
  /** Finds a conversation that the program has told nothing of; undefined where there is none to be found. */
  findConversation?(of: { home: string; sessionId: string }): Promise<string | undefined>;
}
