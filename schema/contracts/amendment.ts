import { z } from 'zod';
import { agentChoiceFields, type AgentChoice } from './agent.ts';
import { Budget } from './budget.ts';
import { Fallback, MissionFileTask, NoProgress, Parallel, Priority, taskFields } from './mission-file.ts';
import { Name } from './names.ts';

/** One change of a plan. What has not started can be changed; what has is history. */
export const PlanChange = z.discriminatedUnion('change', [
  /** A new task, at the end of its milestone or before another. */
  z.strictObject({
    change: z.literal('add'),
    milestone: Name,
    task: MissionFileTask,
    before: Name.optional(),
  }),
  /** To another milestone or place. Brings back a task that was deferred. */
  z.strictObject({ change: z.literal('move'), task: Name, milestone: Name, before: Name.optional() }),
  /** Out of the plan for now: its milestone completes without it. */
  z.strictObject({ change: z.literal('defer'), task: Name }),
  /** Other words, checks, dependencies or program for a task. */
  z.strictObject({ change: z.literal('edit'), task: Name, set: TaskEdit() }),
  z.strictObject({
    change: z.literal('policy'),
    parallel: Parallel.optional(),
    priority: Priority.optional(),
    /** From here on with null for the policy without it. Tasks at work are told too. */
    budget: Budget.nullable().optional(),
    noProgress: NoProgress.nullable().optional(),
    fallback: Fallback.nullable().optional(),
  }),
]);
export type PlanChange = z.infer<typeof PlanChange>;

/** Changes of a running plan, all of them or none, with who wants them and why. */
export const Amendment = z.strictObject({
  reason: z.string().trim().min(1).max(1_000),
  changes: z.array(PlanChange).min(1).max(100),
});
export type Amendment = z.infer<typeof Amendment>;

/** What does not fit an amendment to the plan as it stands; the detail of an `InvalidAmendment` failure. */
export const AmendmentFaults = z.object({
  faults: z.array(z.object({ path: z.string(), message: z.string() })),
});
export type AmendmentFaults = z.infer<typeof AmendmentFaults>;

function TaskEdit() {
  const { title, goal, acceptance, constraints, ruledOut, pointers, paths, checks, dependsOn } = taskFields;
  const { budget, labels } = taskFields;
  return z
    .strictObject({
      title,
      goal,
      acceptance,
      constraints,
      ruledOut,
      pointers,
      paths,
      checks,
      dependsOn,
      budget,
      labels,
      script: z.string().min(1).max(1_000),
      command: Name,
      /** Any of these names the agent anew: what it leaves out comes from milestone and mission. */
      ...agentChoiceFields,
    })
    .partial()
    .refine((set) => Object.keys(set).length > 0, 'nothing is set')
    .refine((set) => programsNamed(set) <= 1, 'a script, a command or an agent, not two of them');
}

function programsNamed(set: { script?: unknown; command?: unknown } & AgentChoice): number {
  const agent = set.runtime ?? set.model ?? set.effort;
  return [set.script, set.command, agent].filter((program) => program !== undefined).length;
}
