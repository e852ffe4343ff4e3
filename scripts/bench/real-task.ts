/** One task on a real engine, with real git, checks, reviewers and CI: where its time goes. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { laneWorkflowId, taskWorkflowId } from '../../schema/contracts/names.ts';
import type { EngineAddress } from '../../workers/data-directory.ts';
import { findApi, type MissionWithTasks } from '../cli/api-client.ts';
import { followMission } from '../cli/follow.ts';
import { readIntervals, type ActivityInterval } from './activity-intervals.ts';
import { startBenchServer } from './bench-server.ts';
import type { Measure } from './measures.ts';
import { makeOwnEngine, makeRepository } from './own-engine.ts';
import { atMost, part } from './rows.ts';
import { covered, median } from './statistics.ts';
import { measure, runBare } from './workflows.ts';

/** Whose time an activity is; what is not named here works on git, or on the forge, which is git and our database. */
const owners: Record<string, 'agent' | 'checks'> = {
  runSession: 'agent',
  review: 'agent',
  verifyDelivery: 'checks',
  awaitCi: 'checks',
};

interface Parts {
  wall: number;
  agent: number;
  checks: number;
  git: number;
  orchestration: number;
}

export const measureRealTask: Measure = async ({ quick, say }) => {
  const rounds = quick ? 2 : 7;
  say('real-task: starting an engine and a bare worker');
  const server = await startBenchServer(say);
  const own = await makeOwnEngine();
  try {
    const bareWorker = await server.startWorker({ runs: 'bare', records: 'within' });
    const address = await own.engine.start();
    const mission = await makeMission(own.folder);
    const bare: number[] = [];
    const tasks: Parts[] = [];
    // The first of each is not counted: it loads what the others find loaded.
    for (let round = 0; round <= rounds; round++) {
      say(`real-task: round ${round} of ${rounds}`);
      const bareWall = (await measure(server.client, await runBare(server, bareWorker))).wallMs;
      const parts = await runTask({ data: own.data, address, file: mission(round) });
      if (round === 0) continue;
      bare.push(bareWall);
      tasks.push(parts);
    }
    const of = (name: keyof Parts) => median(tasks.map((parts) => parts[name]));
    return [
      atMost(1.5, {
        name: 'wall time of one task on real git, less git’s, the checks’ and the agents’, by the bare workflow’s',
        value: of('orchestration') / median(bare),
        unit: 'ratio',
      }),
      part({ name: '  the task, whole, median', value: of('wall'), unit: 'ms' }),
      part({ name: '  the agents: session and reviews', value: of('agent'), unit: 'ms' }),
      part({ name: '  the checks: delivery and CI', value: of('checks'), unit: 'ms' }),
      part({ name: '  git and forge', value: of('git'), unit: 'ms' }),
      part({ name: '  orchestration: what is left', value: of('orchestration'), unit: 'ms' }),
      part({ name: '  bare workflow', value: median(bare), unit: 'ms' }),
    ];
  } finally {
    await own.remove();
    await server.stop();
  }
};

/** Runs one mission of one task, and reads from the histories how long which activities ran. */
async function runTask(of: { data: string; address: EngineAddress; file: unknown }): Promise<Parts> {
  const api = await findApi(of.data);
  const { id } = await api.create(JSON.stringify(of.file), 'application/json');
  await followMission({ findApi: () => Promise.resolve(api), id, onEvent: () => undefined });
  const found = await api.show(id);
  if (found.mission.status !== 'completed') throw new Error(`mission ${id} did not complete`);
  const { temporal, namespace, installation } = of.address;
  const connection = await Connection.connect({ address: temporal });
  try {
    return await partsOf(new Client({ connection, namespace }), installation, found);
  } finally {
    await connection.close();
  }
}

async function partsOf(client: Client, installation: string, found: MissionWithTasks): Promise<Parts> {
  const { id, repository } = found.mission;
  const taskId = taskWorkflowId({ installation, mission: id, task: 'T-1' });
  const laneId = laneWorkflowId({ installation, repositoryId: repository.id, base: repository.base });
  const { startedAt, endedAt, wallMs } = await measure(client, taskId);
  const all = [...(await readIntervals(client, taskId)), ...(await readIntervals(client, laneId))]
    // The lane lives on from mission to mission.
    .filter(({ from, to }) => from >= startedAt && to <= endedAt);
  const time = (intervals: ActivityInterval[]) => covered(intervals);
  return {
    wall: wallMs,
    agent: time(all.filter(({ activity }) => owners[activity] === 'agent')),
    checks: time(all.filter(({ activity }) => owners[activity] === 'checks')),
    git: time(all.filter(({ activity }) => owners[activity] === undefined)),
    orchestration: wallMs - time(all),
  };
}

/** A repository with a CI of one step, and missions of one task that writes one file. */
async function makeMission(folder: string): Promise<(round: number) => unknown> {
  const pipeline = { version: 1, steps: [{ name: 'test', run: 'test -f README.md' }] };
  const files = { 'README.md': '# bench\n', '.mission/ci.yaml': JSON.stringify(pipeline) };
  const bare = await makeRepository(folder, files);
  const script = join(folder, 'task.sh');
  await writeFile(
    script,
    [
      'set -eu',
      'mkdir -p src test',
      'echo "export const made = true;" > "src/$MISSION_SESSION.js"',
      'echo "import \'../src/$MISSION_SESSION.js\';" > "test/$MISSION_SESSION.test.js"',
      'git add --all',
      'git commit --quiet --message "Add a file"',
      '',
    ].join('\n'),
  );
  return (round) => ({
    version: 1,
    key: `bench-${round}`,
    title: 'One file',
    repository: { forge: 'local', path: bare, base: 'main' },
    milestones: [
      {
        id: 'm1',
        title: 'All',
        tasks: [
          {
            id: 'T-1',
            title: 'Add a file',
            goal: 'Add a file, with a test.',
            runtime: 'script',
            script,
            checks: ['test -f README.md'],
          },
        ],
      },
    ],
  });
}
