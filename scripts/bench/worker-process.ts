/**
 * A worker in a process of its own, so that its memory is its own: our two workers with the settings of an engine, or a
 * bare one with the SDK's. As in an engine, the same process starts the workflows.
 */
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createRequestMerge } from '../../activities/merge/request-merge.ts';
import { workflowTypes, type EngineFacts, type MissionInput } from '../../schema/contracts/messages.ts';
import { controlQueue, missionWorkflowId } from '../../schema/contracts/names.ts';
import { startAttributes } from '../../schema/contracts/search-attributes.ts';
import type { ControlActivities } from '../../workers/activities.ts';
import { createLog } from '../../workers/log.ts';
import { installRuntime } from '../../workers/runtime.ts';
import { createControlWorker, createHostWorkers } from '../../workers/workers.ts';
import type { BareActivities } from './bare-workflow.ts';
import { openBeside, openWithin, type BenchDatabase } from './database.ts';
import { createInstantWorld } from './instant-world.ts';
import {
  bareQueue,
  bareSteps,
  bareWorkflowId,
  bareWorkflowType,
  Order,
  toMission,
  WorkerSpec,
  type MissionOrder,
  type WorkerAnswer,
} from './orders.ts';

const spec = WorkerSpec.parse(JSON.parse(process.argv[2] ?? ''));
const { namespace, installation } = spec;
const facts: EngineFacts = {
  installation,
  tenant: 'default',
  host: 'local',
  searchAttributes: spec.searchAttributes,
  goAheadBySignal: true,
};

/** As many programs at once as the most that a measure has tasks on their way: no task waits for a slot. */
const slots = 100;

installRuntime(createLog());
process.on('disconnect', () => process.exit());
const native = await NativeConnection.connect({ address: spec.address });
const connection = await Connection.connect({ address: spec.address });
const start = spec.runs === 'bare' ? await runBare() : await runMissions();
process.on('message', (raw) => void obey(raw));
say({ kind: 'ready' });

function say(answer: WorkerAnswer): void {
  process.send?.(answer);
}

async function obey(raw: unknown): Promise<void> {
  const order = Order.parse(raw);
  await start(order);
  say({ kind: 'started', key: order.key });
}

async function runBare(): Promise<(order: Order) => Promise<void>> {
  const activities: BareActivities = { step: (input) => Promise.resolve(input) };
  const taskQueue = bareQueue(installation);
  const worker = await Worker.create({
    connection: native,
    namespace,
    taskQueue,
    workflowBundle: { codePath: spec.bareBundle },
    activities: { ...activities },
  });
  supervise(worker);
  const client = new Client({ connection, namespace });
  return async ({ key }) => {
    await client.workflow.start(bareWorkflowType, {
      workflowId: bareWorkflowId({ installation, key }),
      taskQueue,
      args: [{ steps: bareSteps }],
    });
  };
}

async function runMissions(): Promise<(order: Order) => Promise<void>> {
  const client = new Client({ connection, namespace });
  const database = spec.records === 'within' ? await openWithin(spec.folder) : openBeside(spec.folder);
  const world = createInstantWorld();
  const common = { connection: native, namespace, installation };
  const activities: ControlActivities = {
    ...world.control,
    ...createRequestMerge({ client }),
    recordMission: (input) => database.recordMission(input),
    recordTask: telling(database),
  };
  supervise(await createControlWorker({ ...common, activities }));
  const onHost = { ...activities, ...world.host };
  const hostWorkers = await createHostWorkers({ ...common, host: facts.host, slots, activities: onHost });
  for (const worker of hostWorkers) supervise(worker);
  return async (order) => {
    if (order.kind === 'mission') await startMission({ client, database, order });
  };
}

/** Tells the benchmark of each task that waits for its go-ahead. */
function telling(database: BenchDatabase): BenchDatabase['recordTask'] {
  return async (input) => {
    await database.recordTask(input);
    const { view } = input;
    if (view.gate === 'go-ahead' && view.waits !== null) say({ kind: 'waiting', key: input.mission });
  };
}

/** As the API does: a claim in the database, then the workflow. */
async function startMission(of: {
  client: Client;
  database: BenchDatabase;
  order: MissionOrder;
}): Promise<void> {
  const { plan } = toMission(of.order);
  await of.database.claim(of.order);
  const input: MissionInput = { engine: facts, plan };
  await of.client.workflow.start(workflowTypes.mission, {
    workflowId: missionWorkflowId({ installation, mission: plan.mission }),
    taskQueue: controlQueue(installation),
    args: [input],
    staticSummary: plan.title,
    typedSearchAttributes: startAttributes({
      engine: facts,
      repository: plan.repository.address,
      phase: 'running',
    }),
  });
}

/** A worker that fails ends the process, and the benchmark hears of it. */
function supervise(worker: Worker): void {
  worker.run().catch((error: unknown) => {
    process.stderr.write(`the worker has failed: ${String(error)}\n`);
    process.exit(1);
  });
}
