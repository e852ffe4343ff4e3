/** What the benchmark asks of its worker processes, and what they answer. */
import { z } from 'zod';
import { MissionFile } from '../../schema/contracts/mission-file.ts';
import { toPlan, type Plan } from '../../schema/contracts/plan.ts';

/** How a worker process is started. */
export const WorkerSpec = z.object({
  runs: z.enum(['missions', 'bare']),
  address: z.string(),
  namespace: z.string(),
  installation: z.string(),
  searchAttributes: z.boolean(),
  /** The bundle with the bare workflow. */
  bareBundle: z.string(),
  /**
   * `within`: PGlite in the worker's process, as in an engine without `DATABASE_URL`. `beside`: in a process of its
   * own, so that what it takes is not counted as the worker's.
   */
  records: z.enum(['within', 'beside']),
  folder: z.string(),
});
export type WorkerSpec = z.infer<typeof WorkerSpec>;

/** One workflow to be started. */
export const Order = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('mission'),
    key: z.string(),
    repository: z.number(),
    tasks: z.number(),
    parallel: z.number(),
    /** With a coordinator each task waits for its go-ahead; without, the policy gives it. */
    coordinator: z.string().optional(),
  }),
  z.object({ kind: z.literal('bare'), key: z.string() }),
]);
export type Order = z.infer<typeof Order>;
export type MissionOrder = Extract<Order, { kind: 'mission' }>;

export const WorkerAnswer = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready') }),
  z.object({ kind: z.literal('started'), key: z.string() }),
  /** A task of the mission waits for its go-ahead. */
  z.object({ kind: z.literal('waiting'), key: z.string() }),
]);
export type WorkerAnswer = z.infer<typeof WorkerAnswer>;

/** The activities of a bare workflow: as many ordinary ones as a task on its happy path had when the limit was set. */
export const bareSteps = 18;

export const bareWorkflowType = 'bareWorkflow';

export function bareQueue(installation: string): string {
  return `bare:${installation}`;
}

export function bareWorkflowId(of: { installation: string; key: string }): string {
  return `${of.installation}/bare-${of.key}`;
}

export function taskIds(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `T-${index + 1}`);
}

/** A mission as the door would let it in: its file, and the plan made of that. */
export function toMission(order: MissionOrder): { file: MissionFile; plan: Plan } {
  const path = `/srv/repository-${order.repository}.git`;
  const file = MissionFile.parse({
    version: 1,
    key: order.key,
    title: `Mission ${order.key}`,
    repository: { forge: 'local', path },
    policy: {
      parallel: order.parallel,
      coordinators: order.coordinator === undefined ? [] : [order.coordinator],
    },
    milestones: [
      {
        id: 'm1',
        title: 'All',
        tasks: taskIds(order.tasks).map((id) => ({
          id,
          title: `Task ${id}`,
          goal: 'Export greet(name) from src/greet.js, with a test.',
          runtime: 'script',
          script: 'task.sh',
          checks: ['npm test'],
        })),
      },
    ],
  });
  const repository = { id: `r${order.repository}`, forge: 'local' as const, address: path, base: 'main' };
  const scripts = new Map([['task.sh', 'git commit --allow-empty --message "Greet"\n']]);
  return { file, plan: toPlan({ mission: order.key, file, repository, scripts }) };
}
