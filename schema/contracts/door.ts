import type { MissionFile } from './mission-file.ts';
import type { PlanChange } from './amendment.ts';
import type { Plan, PlannedChange } from './plan.ts';

/** What is wrong with a mission, and at which place of its file. */
export interface Fault {
  path: string;
  message: string;
}

export type Admission = { kind: 'plan'; plan: Plan } | { kind: 'refused'; faults: Fault[] };

export type ChangesAdmission =
  { kind: 'changes'; changes: PlannedChange[] } | { kind: 'refused'; faults: Fault[] };

/** Lets missions and changes of their plans in, or says why not. The API asks it; the engine implements it. */
export interface Door {
  admitMission(file: MissionFile): Promise<Admission>;
  /** Reads scripts and checks commands. Whether a change fits the plan as it stands, the mission itself says. */
  admitChanges(changes: readonly PlanChange[]): Promise<ChangesAdmission>;
}
