import { z } from 'zod';
import type { MissionFile } from './mission-file.ts';
import type { PlanChange } from './amendment.ts';
import type { Plan, PlannedChange } from './plan.ts';

/** What is wrong with a mission, and at which place of its file. */
export const Fault = z.object({ path: z.string(), message: z.string() });
export type Fault = z.infer<typeof Fault>;

/** `warnings`: what somebody should look at, though the mission is let in. */
export type Admission =
  { kind: 'plan'; plan: Plan; warnings: Fault[] } | { kind: 'refused'; faults: Fault[] };

export type ChangesAdmission =
  { kind: 'changes'; changes: PlannedChange[] } | { kind: 'refused'; faults: Fault[] };

/** Lets missions and changes of their plans in, or says why not. The API asks it; the engine implements it. */
export interface Door {
  admitMission(file: MissionFile): Promise<Admission>;
  /** Reads scripts and checks commands. Whether a change fits the plan as it stands, the mission itself says. */
  admitChanges(changes: readonly PlanChange[]): Promise<ChangesAdmission>;
}
