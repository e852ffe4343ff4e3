/** What is measured: see docs/benchmarks.md. */
import { measureBudget, measureHooked, measurePolled } from './forge.ts';
import { measureHistory } from './history.ts';
import { measureList } from './list.ts';
import type { Measure } from './measures.ts';
import { measureOpenMissions } from './open-missions.ts';
import { measureRealTask } from './real-task.ts';
import { measureAdoption, measureSupervision, measureTurnover } from './sessions.ts';
import { measureGate } from './review.ts';
import { measureThroughput } from './throughput.ts';
import { measureWall } from './wall.ts';

/** How sessions are launched, watched and taken up again. */
export const sessions: Record<string, Measure> = {
  turnover: measureTurnover,
  adoption: measureAdoption,
  supervision: measureSupervision,
};

/** How soon what is green is merged on a real forge, and what that costs it. */
export const forge: Record<string, Measure> = {
  hooked: measureHooked,
  polled: measurePolled,
  budget: measureBudget,
};

/** What the gate of the reviewers adds to their own time. */
export const review: Record<string, Measure> = { gate: measureGate };

export const spine: Record<string, Measure> = {
  wall: measureWall,
  'real-task': measureRealTask,
  history: measureHistory,
  throughput: measureThroughput,
  'open-missions': measureOpenMissions,
  list: measureList,
};
