import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Client, Connection, WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import { inject } from 'vitest';
import { createRequestMerge } from '../../activities/merge/request-merge.ts';
import { Policy } from '../../schema/contracts/mission-file.ts';
import {
  workflowTypes,
  type EngineFacts,
  type MissionInput,
  type MissionResult,
  type TaskInput,
  type TaskResult,
} from '../../schema/contracts/messages.ts';
import { controlQueue, missionWorkflowId, taskWorkflowId } from '../../schema/contracts/names.ts';
import type { PlannedMilestone, ReviewAgent, StartedTask } from '../../schema/contracts/plan.ts';
import type { ControlActivities } from '../../workers/activities.ts';
import { builtFolder } from '../../schema/package-root.ts';
import { workerTracing } from '../../workers/tracing.ts';
import { createControlWorker, createHostWorkers } from '../../workers/workers.ts';
import type { FakeWorld } from '../fakes/fake-world.ts';
import { repository, task } from './plans.ts';

type TaskWorkflow = (input: TaskInput) => Promise<TaskResult>;
type MissionWorkflow = (input: MissionInput) => Promise<MissionResult>;

export interface TestEngine {
  client: Client;
  facts: EngineFacts;
  startTask(of: {
    task?: StartedTask;
    policy?: Partial<Policy>;
    reviewAgents?: ReviewAgent[];
  }): Promise<WorkflowHandle<TaskWorkflow>>;
  startMission(of: {
    key: string;
    milestones: (Pick<PlannedMilestone, 'id' | 'verify' | 'release'> & { tasks: StartedTask[] })[];
    policy?: Partial<Policy>;
  }): Promise<WorkflowHandle<MissionWorkflow>>;
  taskHandle(of: { mission: string; task: string }): WorkflowHandle;
  stop(): Promise<void>;
}

/** Real Temporal server, real workers, real workflow bundle; the world outside is a fake. */
export async function startTestEngine(
  world: FakeWorld,
  of: {
    address?: string;
    searchAttributes?: boolean;
    slots?: number;
    /** Another build of the workflows than today's. */
    bundle?: string;
    /** The id of an engine that was stopped: this one goes on with its missions. */
    installation?: string;
    /** In place of the world's. */
    activities?: Partial<ControlActivities>;
  } = {},
): Promise<TestEngine> {
  const { address = inject('temporalAddress'), searchAttributes = true, slots = 20, bundle } = of;
  const installation = of.installation ?? `t${randomBytes(4).toString('hex')}`;
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  const client = new Client({ connection });
  const facts: EngineFacts = {
    installation,
    tenant: 'default',
    host: 'local',
    searchAttributes,
    goAheadBySignal: true,
    milestones: true,
  };
  const common = { connection: native, namespace: 'default', installation };
  const control = { ...world.control(), ...createRequestMerge({ client }), ...of.activities };
  const [controlWorker, hostWorkers] = await Promise.all([
    createControlWorker({ ...common, activities: control, ...(bundle === undefined ? {} : { bundle }) }),
    createHostWorkers({ ...common, host: 'local', slots, activities: { ...control, ...world.host() } }),
  ]);
  const workers = [controlWorker, ...hostWorkers];
  const running = Promise.all(workers.map((worker) => worker.run()));
  const taskQueue = controlQueue(installation);

  return {
    client,
    facts,
    async startTask({ task: planned = task('T-1'), policy = {}, ...more }) {
      const input: TaskInput = {
        engine: facts,
        mission: 'demo',
        milestone: 'm1',
        repository,
        policy: Policy.parse(policy),
        task: planned,
        ...more,
      };
      const workflowId = taskWorkflowId({ installation, mission: 'demo', task: planned.id });
      return client.workflow.start<TaskWorkflow>(workflowTypes.task, {
        workflowId,
        taskQueue,
        args: [input],
      });
    },
    async startMission({ key, milestones, policy = {} }) {
      const plan = {
        mission: key,
        title: 'Demo',
        repository,
        policy: Policy.parse(policy),
        milestones: milestones.map((milestone) => ({ title: milestone.id, ...milestone })),
      };
      const input: MissionInput = { engine: facts, plan };
      const workflowId = missionWorkflowId({ installation, mission: key });
      return client.workflow.start<MissionWorkflow>(workflowTypes.mission, {
        workflowId,
        taskQueue,
        args: [input],
      });
    },
    taskHandle: (of) => client.workflow.getHandle(taskWorkflowId({ installation, ...of })),
    async stop() {
      for (const worker of workers) worker.shutdown();
      await running;
      await native.close();
      await connection.close();
    },
  };
}

/** Throws where a worker that knows nothing of a workflow would not come to what its history says. */
export async function replay(handle: WorkflowHandle): Promise<void> {
  const workflowBundle = { codePath: join(builtFolder(), 'workflow-bundle.js') };
  const { sinks } = workerTracing();
  const history = await handle.fetchHistory();
  await Worker.runReplayHistory({ workflowBundle, ...(sinks ? { sinks } : {}) }, history, handle.workflowId);
}

/** The type of the failure with which an update was refused. */
export async function refusalOf(update: Promise<unknown>): Promise<string> {
  return (await refused(update)).type ?? '';
}

/** What whoever sent an update was told that was refused. */
export async function wordsOfRefusal(update: Promise<unknown>): Promise<string> {
  return (await refused(update)).message;
}

async function refused(update: Promise<unknown>): Promise<ApplicationFailure> {
  try {
    await update;
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure) {
      return error.cause;
    }
    throw error;
  }
  throw new Error('the update was accepted');
}
