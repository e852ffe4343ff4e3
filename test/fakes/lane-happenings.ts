/** What a merge lane is driven with: pull requests, what happens to them, and what goes wrong. */
import type { MergeRequest } from '../../schema/contracts/messages.ts';
import type { Answer } from '../../workflows/lane-world.ts';

/** What goes wrong with a step: its worker dies after it has acted, or its retries are used up before it could, or after. */
export type Fault = 'none' | 'done-again' | 'fails' | 'fails-after';

/** What happens around a lane, to the pull request of that index where it names one. */
export type Happening =
  | { kind: 'go-ahead' | 'withdraw' | 'push' | 'close' | 'terminate' | 'twice'; pull: number }
  | { kind: 'base-push'; red: boolean }
  | { kind: 'mend' };

export interface Pull {
  task: string;
  number: number;
  branch: string;
  head: string;
  state: 'open' | 'closed' | 'merged';
  isTaskOpen: boolean;
  /** Its CI is red once it was brought up to another base. */
  breaksOnUpdate: boolean;
  /** The base is red at its merge. */
  breaksBase: boolean;
  /** What becomes of a red base; with `red-revert` its revert is red as well. */
  redBase: 'stop' | 'revert' | 'red-revert';
  priority: number;
  batch: number;
  requests: Asked[];
}

export interface Asked {
  request: MergeRequest;
  isWithdrawn: boolean;
  /** The lane has seen that its pull request is merged, and is about to say so. */
  isFound: boolean;
  answers: Answer[];
}
