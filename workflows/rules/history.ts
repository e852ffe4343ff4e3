/**
 * When a mission goes on as a new run of its workflow: its history must stay far below Temporal's 51,200 events, and
 * tasks that run belong to the run that started them.
 */

/** Above this no task is started any more, so that soon none runs: one with 100 tasks side by side adds some 1,500. */
const drainAboveEvents = 20_000;

interface History {
  historyLength: number;
  /** The server's own hint: from 4,096 events or 4 MB on. */
  continueAsNewSuggested: boolean;
}

/** Asked while nothing runs. */
export function mayContinueAsNew(history: History): boolean {
  return history.continueAsNewSuggested;
}

export function mustDrain(history: History): boolean {
  return history.continueAsNewSuggested && history.historyLength > drainAboveEvents;
}
