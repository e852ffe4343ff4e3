import type { MissionFile } from './mission-file.ts';
import type { Plan } from './plan.ts';

/** What is wrong with a mission, and at which place of its file. */
export interface Fault {
  path: string;
  message: string;
}

export type Admission = { kind: 'plan'; plan: Plan } | { kind: 'refused'; faults: Fault[] };

/** Lets a mission in or says why not. The API asks it; the engine implements it. */
export type Door = (file: MissionFile) => Promise<Admission>;
