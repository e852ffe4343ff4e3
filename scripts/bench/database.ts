/** The read model of a benchmark: PGlite, really written to, in the worker's process or beside it. */
import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { z } from 'zod';
import { createRecordActivities } from '../../activities/record/record-activities.ts';
import { MissionEvent, MissionView, TaskView } from '../../schema/contracts/views.ts';
import { openPglite } from '../../schema/db/pglite.ts';
import { claimMission } from '../../schema/db/missions.ts';
import { builtFolder } from '../../schema/package-root.ts';
import { Order, toMission, type MissionOrder } from './orders.ts';

export interface BenchDatabase extends ReturnType<typeof createRecordActivities> {
  claim(order: MissionOrder): Promise<void>;
}

export async function openWithin(folder: string): Promise<BenchDatabase> {
  const { queries } = await openPglite(join(folder, 'pglite'));
  return {
    ...createRecordActivities({ queries }),
    claim: async (order) => {
      const mission = { ...toMission(order), tenant: 'default', host: 'local', by: 'bench' };
      await claimMission(queries, { ...mission, fileHash: order.key });
    },
  };
}

function recorded<View extends z.ZodType>(view: View) {
  const events = z.array(MissionEvent.pick({ at: true, type: true, message: true }));
  return z.object({ tenant: z.string(), mission: z.string(), seq: z.number(), view, events });
}

/** What is asked of a database beside the worker. */
export const DatabaseCall = z.object({
  id: z.number(),
  ask: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('claim'), order: Order.options[0] }),
    z.object({ kind: z.literal('mission'), input: recorded(MissionView) }),
    z.object({ kind: z.literal('task'), input: recorded(TaskView) }),
  ]),
});
type Ask = z.infer<typeof DatabaseCall>['ask'];

export const DatabaseAnswer = z.object({ id: z.number(), error: z.string().nullable() });
export type DatabaseAnswer = z.infer<typeof DatabaseAnswer>;

/** The database in a process of its own, which ends with this one. */
export function openBeside(folder: string): BenchDatabase {
  const child: ChildProcess = fork(join(builtFolder(), 'bench-database.js'), [folder]);
  const open = new Map<number, (error: string | null) => void>();
  let calls = 0;
  child.on('message', (raw) => {
    const { id, error } = DatabaseAnswer.parse(raw);
    open.get(id)?.(error);
    open.delete(id);
  });
  return {
    claim: (order) => call({ kind: 'claim', order }),
    recordMission: (input) => call({ kind: 'mission', input }),
    recordTask: (input) => call({ kind: 'task', input }),
  };

  function call(ask: Ask): Promise<void> {
    const id = ++calls;
    return new Promise((resolve, reject) => {
      open.set(id, (error) => (error === null ? resolve() : reject(new Error(error))));
      child.send({ id, ask });
    });
  }
}
