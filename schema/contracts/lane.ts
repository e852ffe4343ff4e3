import { z } from 'zod';
import { MissionKey, Name } from './names.ts';

const InLane = z.object({ mission: MissionKey, task: Name });

/** Who stands in a merge lane: the answer to its query `view`. */
export const LaneView = z.object({
  /** Whoever is updated, tested or merged. Several where they are tested together. */
  inside: z.array(InLane),
  /** In the order in which they are to come in. */
  waiting: z.array(InLane),
  /** Why the base lets nobody in. */
  redBase: z.string().nullable(),
});
export type LaneView = z.infer<typeof LaneView>;
