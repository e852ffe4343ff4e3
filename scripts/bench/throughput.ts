import { startBenchServer, type BenchServer } from './bench-server.ts';
import type { BenchWorker } from './bench-worker.ts';
import type { Measure } from './measures.ts';
import { bareSteps } from './orders.ts';
import { atLeast, atMost, part } from './rows.ts';
import { inParallel, runBare, runMission } from './workflows.ts';

/** Tasks, and bare workflows, at a time. */
const cap = 20;

/**
 * Many tasks at a time against as many bare workflows, in turns: half of the bare ones before the tasks and half after
 * them. Speed is measured with PGlite in the worker, as an engine has it; memory with PGlite beside it.
 */
export const measureThroughput: Measure = async ({ quick, say }) => {
  const tasks = quick ? 40 : 200;
  const repositories = 20;
  const server = await startBenchServer(say);
  try {
    const bareWorker = await server.startWorker({ runs: 'bare', records: 'within' });
    const within = await server.startWorker({ runs: 'missions', records: 'within' });
    await runBare(server, bareWorker);
    await runMission(server, within, { repository: 0, tasks: 1, parallel: 1 });

    const bare = () => timed(() => manyBare(server, bareWorker, tasks / 2));
    const shape = { tasks, repositories };
    say(`throughput: ${tasks / 2} bare workflows, ${cap} at a time`);
    const bareBefore = await bare();
    say(`throughput: ${tasks} tasks over ${repositories} repositories, ${cap} at a time`);
    const many = await timed(() => manyTasks(server, within, shape));
    say(`throughput: ${tasks / 2} bare workflows again`);
    const bareBetween = await bare();
    say(`throughput: ${tasks} tasks in one repository, whose lane is serial`);
    const one = await timed(() => manyTasks(server, within, { ...shape, repositories: 1 }));
    say(`throughput: ${tasks / 2} bare workflows again`);
    const bareAfter = await bare();
    const memoryWithin = await within.memory();
    await within.stop();
    say(`throughput: ${tasks} tasks over ${repositories} repositories, the database beside the worker`);
    const beside = await server.startWorker({ runs: 'missions', records: 'beside' });
    const apart = await timed(() => manyTasks(server, beside, shape));

    const bareAround = tasks / (bareBefore + bareBetween);
    const over = `${tasks} tasks over ${repositories} repositories, ${cap} at a time`;
    return [
      atLeast(0.7, {
        name: `throughput of ${over}, by the bare one’s`,
        value: tasks / many / bareAround,
        unit: 'ratio',
      }),
      part({ name: '  tasks, records in PGlite in the worker', value: tasks / many, unit: 'a second' }),
      part({ name: '  tasks, records in PGlite beside it', value: tasks / apart, unit: 'a second' }),
      part({
        name: `  bare workflows of ${bareSteps} activities, before and after`,
        value: bareAround,
        unit: 'a second',
      }),
      part({
        name: `throughput of ${tasks} tasks in one repository, whose lane is serial, by the bare one’s`,
        value: tasks / one / (tasks / (bareBetween + bareAfter)),
        unit: 'ratio',
      }),
      part({ name: '  tasks in one repository', value: tasks / one, unit: 'a second' }),
      atMost(700, {
        name: `peak memory of the worker with ${over}, PGlite not counted`,
        value: (await beside.memory()).peak,
        unit: 'MB',
      }),
      part({
        name: '  with PGlite in the worker, one repository included',
        value: memoryWithin.peak,
        unit: 'MB',
      }),
      part({ name: '  a bare worker', value: (await bareWorker.memory()).peak, unit: 'MB' }),
    ];
  } finally {
    await server.stop();
  }
};

async function timed(action: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await action();
  return (performance.now() - began) / 1_000;
}

function manyBare(server: BenchServer, worker: BenchWorker, count: number): Promise<void> {
  return inParallel(
    cap,
    Array.from({ length: count }, () => () => runBare(server, worker)),
  );
}

/** One mission a repository, all of them side by side; together they have `cap` tasks at a time. */
function manyTasks(
  server: BenchServer,
  worker: BenchWorker,
  of: { tasks: number; repositories: number },
): Promise<void> {
  const { repositories } = of;
  const tasks = of.tasks / repositories;
  const parallel = cap / repositories;
  return inParallel(
    repositories,
    Array.from(
      { length: repositories },
      (_, repository) => () => runMission(server, worker, { repository, tasks, parallel }),
    ),
  );
}
