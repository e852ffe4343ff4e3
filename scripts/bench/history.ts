import { updates } from '../../schema/contracts/messages.ts';
import { missionWorkflowId, taskWorkflowId } from '../../schema/contracts/names.ts';
import { startBenchServer } from './bench-server.ts';
import { headOf } from './instant-world.ts';
import type { Measure } from './measures.ts';
import { taskIds } from './orders.ts';
import { atMost, part } from './rows.ts';
import { freshKey, measure, runMission } from './workflows.ts';

/** Events in the histories of tasks on their happy path, and of their missions. */
export const measureHistory: Measure = async ({ quick, say }) => {
  const count = quick ? 3 : 10;
  const server = await startBenchServer(say);
  try {
    const worker = await server.startWorker({ runs: 'missions', records: 'within' });
    const { client, installation } = server;
    say(`history: a mission of ${count} tasks side by side`);
    const ran = await runMission(server, worker, { repository: 1, tasks: count, parallel: count });
    const mission = await measure(client, ran.mission);
    const tasks = await Promise.all(taskIds(count).map((task) => measure(client, ran.taskId(task))));

    say('history: a task with a go-ahead by a person');
    const key = freshKey('approved');
    const task = 'T-1';
    await worker.start({ kind: 'mission', key, repository: 2, tasks: 1, parallel: 1, coordinator: 'lead' });
    await worker.waiting(key);
    const approvedId = taskWorkflowId({ installation, mission: key, task });
    await client.workflow.getHandle(approvedId).executeUpdate(updates.goAhead, {
      args: [{ headSha: headOf({ mission: key, task }), by: 'lead' }],
    });
    await client.workflow.getHandle(missionWorkflowId({ installation, mission: key })).result();
    const approved = await measure(client, approvedId);

    return [
      atMost(110, {
        name: 'history of a task, go-ahead by a person',
        value: approved.events,
        unit: 'events',
      }),
      atMost(110, {
        name: `history of a task, go-ahead automatic, the longest of ${count}`,
        value: Math.max(...tasks.map(({ events }) => events)),
        unit: 'events',
      }),
      atMost(12, {
        name: `history of a mission of ${count} tasks, for each task`,
        value: mission.events / count,
        unit: 'events',
      }),
      part({ name: '  the mission, whole', value: mission.events, unit: 'events' }),
    ];
  } finally {
    await server.stop();
  }
};
