import type { Queries } from '../../schema/db/database.ts';
import { recordMission, recordTask } from '../../schema/db/projection.ts';
import type { RecordActivities } from '../../workflows/ports.ts';

export function createRecordActivities(deps: { queries: Queries }): RecordActivities {
  return {
    recordMission: (input) => recordMission(deps.queries, input),
    recordTask: (input) => recordTask(deps.queries, input),
  };
}
