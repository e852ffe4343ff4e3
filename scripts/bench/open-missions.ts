import { updates } from '../../schema/contracts/messages.ts';
import { taskWorkflowId } from '../../schema/contracts/names.ts';
import { startBenchServer } from './bench-server.ts';
import { headOf } from './instant-world.ts';
import type { Measure } from './measures.ts';
import { taskIds } from './orders.ts';
import { atMost, part } from './rows.ts';
import { median, percentile } from './statistics.ts';
import { freshKey, inParallel } from './workflows.ts';

/** Missions on their way to the go-ahead at a time: people start theirs one by one, not two thousand at once. */
const onTheirWay = 40;

/** Odd and no divisor of their number: the go-aheads come to missions old and new, as people come back to them. */
const stride = 997;

const repositories = 20;

/** Many missions whose one task waits for a person: what they cost in memory, and how soon one is answered. */
export const measureOpenMissions: Measure = async ({ quick, say }) => {
  const count = quick ? 100 : 2_000;
  const answers = quick ? 20 : 200;
  const server = await startBenchServer(say);
  try {
    const worker = await server.startWorker({ runs: 'missions', records: 'beside' });
    const keys = Array.from({ length: count }, () => freshKey('open'));
    const idle = await worker.memory();
    let waiting = 0;
    const began = performance.now();
    await inParallel(
      onTheirWay,
      keys.map((key, index) => async () => {
        const repository = index % repositories;
        await worker.start({ kind: 'mission', key, repository, tasks: 1, parallel: 1, coordinator: 'lead' });
        await worker.waiting(key);
        waiting += 1;
        if (waiting % 100 === 0) {
          const seconds = Math.round((performance.now() - began) / 1_000);
          const { now } = await worker.memory();
          say(
            `open-missions: ${waiting} of ${count} wait, after ${seconds} s; the worker has ${Math.round(now)} MB`,
          );
        }
      }),
    );
    const full = await worker.memory();

    const [task = ''] = taskIds(1);
    const times: number[] = [];
    for (let answer = 0; answer < answers; answer++) {
      const key = keys[(answer * stride) % count] ?? '';
      const id = taskWorkflowId({ installation: server.installation, mission: key, task });
      const handle = server.client.workflow.getHandle(id);
      const asked = performance.now();
      await handle.executeUpdate(updates.goAhead, {
        args: [{ headSha: headOf({ mission: key, task }), by: 'lead' }],
      });
      times.push(performance.now() - asked);
      if (answer % 20 === 19) say(`open-missions: ${answer + 1} of ${answers} go-aheads`);
    }
    const many = `${count} open missions, records in PGlite beside the worker`;
    return [
      atMost(1_200, {
        name: `peak memory of the worker with ${many}`,
        value: (await worker.memory()).peak,
        unit: 'MB',
      }),
      part({ name: '  before the first', value: idle.now, unit: 'MB' }),
      part({ name: '  when all wait', value: full.now, unit: 'MB' }),
      atMost(250, { name: `a go-ahead with ${many}, median`, value: median(times), unit: 'ms' }),
      part({ name: '  95th percentile', value: percentile(times, 0.95), unit: 'ms' }),
      part({ name: '  slowest', value: Math.max(...times), unit: 'ms' }),
    ];
  } finally {
    await server.stop();
  }
};
