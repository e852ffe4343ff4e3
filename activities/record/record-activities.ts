import type { Queries } from '../../schema/db/database.ts';
import { recordMission, recordTask } from '../../schema/db/projection.ts';
import type { RecordActivities } from '../../workflows/ports.ts';
import type { NotificationKind } from '../../schema/contracts/notify.ts';

/** `outside`: what somebody outside is to be told of. */
export function createRecordActivities(deps: {
  queries: Queries;
  outside?: ReadonlySet<NotificationKind>;
}): RecordActivities {
  const { queries, outside } = deps;
  return {
    recordMission: (input) => recordMission(queries, input, outside),
    recordTask: (input) => recordTask(queries, input, outside),
  };
}
