/** What is measured: see docs/benchmarks.md. */
import { measureHistory } from './history.ts';
import { measureList } from './list.ts';
import type { Measure } from './measures.ts';
import { measureOpenMissions } from './open-missions.ts';
import { measureRealTask } from './real-task.ts';
import { measureAdoption, measureSupervision, measureTurnover } from './sessions.ts';
import { measureThroughput } from './throughput.ts';
import { measureWall } from './wall.ts';

/** How sessions are launched, watched and taken up again. */
export const sessions: Record<string, Measure> = {
  turnover: measureTurnover,
  adoption: measureAdoption,
  supervision: measureSupervision,
};

export const spine: Record<string, Measure> = {
  wall: measureWall,
  'real-task': measureRealTask,
  history: measureHistory,
  throughput: measureThroughput,
  'open-missions': measureOpenMissions,
  list: measureList,
};
