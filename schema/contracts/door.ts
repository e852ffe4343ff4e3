import { z } from 'zod';
import type { MissionFile } from './mission-file.ts';
import type { PlanChange } from './amendment.ts';
import { PlanOutline, type Plan, type PlannedChange } from './plan.ts';

/** What is wrong with a mission, and at which place of its file. */
export const Fault = z.object({ path: z.string(), message: z.string() });
export type Fault = z.infer<typeof Fault>;

export const Warnings = z.array(Fault).describe('What somebody should look at, though it was let in');

/** A plan after an amendment. */
export const AmendedPlan = PlanOutline.extend({ warnings: Warnings });
export type AmendedPlan = z.infer<typeof AmendedPlan>;

export type Admission =
  { kind: 'plan'; plan: Plan; warnings: Fault[] } | { kind: 'refused'; faults: Fault[] };

export type ChangesAdmission =
  { kind: 'changes'; changes: PlannedChange[]; warnings: Fault[] } | { kind: 'refused'; faults: Fault[] };

/** A mission as far as it is known where its changes come in. */
export interface AmendedMission {
  /** As it was let in. Amendments leave its milestones and their agents as they are. */
  plan: Plan;
  /** The host that it was started on. */
  host: string;
  /** Where its tasks are now. */
  tasks: readonly { id: string; milestone: string }[];
}

export interface AskedChanges {
  mission: AmendedMission;
  changes: readonly PlanChange[];
}

/** Lets missions and changes of their plans in, or says why not. The API asks it; the engine implements it. */
export interface Door {
  admitMission(file: MissionFile): Promise<Admission>;
  /** Judges programs as at the start. Whether a change fits the plan as it stands, the mission itself says. */
  admitChanges(asked: AskedChanges): Promise<ChangesAdmission>;
}
