import { z } from 'zod';
import { TaskResult } from './messages.ts';
import type { Plan } from './plan.ts';
import { MissionEvent, MissionView, TaskPlacement, TaskView } from './views.ts';

/** An event and where it was told: in which of its workflow's reports, and at which place of it. */
export const ToldEvent = MissionEvent.pick({ at: true, type: true, message: true }).extend({
  seq: z.number(),
  index: z.number(),
});
export type ToldEvent = z.infer<typeof ToldEvent>;

/** What one run of a workflow has told the read model: the newest report's view, and all events. */
const Told = z.object({
  tenant: z.string(),
  mission: z.string(),
  host: z.string(),
  seq: z.number(),
  events: z.array(ToldEvent),
});

/** Who started a mission, when, and from which file. What is null was lost with an earlier database. */
export const MissionOrigin = z.object({
  fileHash: z.string().nullable(),
  createdBy: z.string().nullable(),
  createdAt: z.number(),
});
export type MissionOrigin = z.infer<typeof MissionOrigin>;

/** The answer of a mission to the query `told`. */
export const ToldMission = Told.extend({
  /** Null: nothing was told yet. */
  view: MissionView.nullable(),
  /** As it stands. The engine has made it itself, at the door. */
  plan: z.custom<Plan>((value) => typeof value === 'object' && value !== null),
  /** Null for missions that were started before it was kept. */
  origin: MissionOrigin.nullable(),
  /** All tasks of the plan as it stands. */
  tasks: z.array(TaskPlacement),
  /** How tasks have ended. It outlives their workflows in Temporal. */
  results: z.array(TaskResult),
});
export type ToldMission = z.infer<typeof ToldMission>;

/** The answer of a task to the query `told`. */
export const ToldTask = Told.extend({ view: TaskView.nullable() });
export type ToldTask = z.infer<typeof ToldTask>;

/** As a workflow answers it: the view is a copy that nobody has looked at again. */
export type Unparsed<Answer> = Omit<Answer, 'view'> & { view: unknown };
