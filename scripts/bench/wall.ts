import { startBenchServer } from './bench-server.ts';
import type { Measure } from './measures.ts';
import { bareSteps, taskIds } from './orders.ts';
import { atMost, part } from './rows.ts';
import { median } from './statistics.ts';
import { measure, runBare, runMission } from './workflows.ts';

/**
 * One task after another, each beside a bare workflow, so that whatever else the machine does is shared by both.
 * Effects take no time; the records are written to a PGlite in the worker, as in an engine.
 */
export const measureWall: Measure = async ({ quick, say }) => {
  const rounds = quick ? 3 : 15;
  const server = await startBenchServer(say);
  try {
    const bareWorker = await server.startWorker({ runs: 'bare', records: 'within' });
    const worker = await server.startWorker({ runs: 'missions', records: 'within' });
    const bare: number[] = [];
    const tasks: number[] = [];
    const missions: number[] = [];
    // The first of each is not counted: it loads what the others find loaded.
    for (let round = 0; round <= rounds; round++) {
      say(`wall: round ${round} of ${rounds}`);
      const bareId = await runBare(server, bareWorker);
      const { mission, taskId } = await runMission(server, worker, { repository: 1, tasks: 1, parallel: 1 });
      if (round === 0) continue;
      bare.push((await measure(server.client, bareId)).wallMs);
      missions.push((await measure(server.client, mission)).wallMs);
      const [task = ''] = taskIds(1);
      tasks.push((await measure(server.client, taskId(task))).wallMs);
    }
    return [
      atMost(1.5, {
        name: 'wall time of one task, effects in memory, records in PGlite, by the bare workflow’s',
        value: median(tasks) / median(bare),
        unit: 'ratio',
      }),
      part({ name: '  the task, median', value: median(tasks), unit: 'ms' }),
      part({ name: '  its mission of one task, median', value: median(missions), unit: 'ms' }),
      part({ name: `  bare workflow of ${bareSteps} activities, median`, value: median(bare), unit: 'ms' }),
    ];
  } finally {
    await server.stop();
  }
};
