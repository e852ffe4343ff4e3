import type { MissionStatus } from '../../schema/contracts/gates.ts';
import { Policy } from '../../schema/contracts/mission-file.ts';
import type { Plan } from '../../schema/contracts/plan.ts';
import { initialMissionView, initialTaskView } from '../../schema/contracts/views.ts';
import type { Queries } from '../../schema/db/database.ts';
import { claimMission } from '../../schema/db/missions.ts';
import { recordMission, recordTask } from '../../schema/db/projection.ts';
import { task } from './plans.ts';

const tenant = 'default';

/** A mission in the read model, as its workflow would have told it. */
export async function tellMission(
  queries: Queries,
  of: { id: string; repository: number; status: MissionStatus; needsHuman?: boolean; tasks?: string[] },
): Promise<Plan> {
  const { id, tasks = ['A'] } = of;
  const address = `/srv/${of.repository}.git`;
  const repository = { id: `r${of.repository}`, forge: 'local' as const, address, base: 'main' };
  const milestone = { id: 'm1', title: 'All' };
  const milestones = [{ ...milestone, tasks: tasks.map((one) => task(one)) }];
  const plan: Plan = { mission: id, title: id, repository, policy: Policy.parse({}), milestones };
  await claimMission(queries, { tenant, fileHash: '', plan, host: 'local', by: 'admin' });
  const common = { tenant, mission: id, seq: 1, events: [] };
  await recordMission(queries, { ...common, view: initialMissionView(plan, of.status) });
  if (of.needsHuman) {
    const waits = { gate: 'go-ahead' as const, on: 'the go-ahead', for: 'person' as const, since: 0 };
    const view = initialTaskView({ mission: id, milestone: 'm1', id: 'A', title: 'A' });
    await recordTask(queries, { ...common, view: { ...view, waits } });
  }
  return plan;
}
