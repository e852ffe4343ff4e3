import type { QuotaWindow, Usage } from '../../schema/contracts/agent.ts';
import type { MissionStatus } from '../../schema/contracts/gates.ts';
import { Policy } from '../../schema/contracts/mission-file.ts';
import type { SessionSummary } from '../../schema/contracts/session.ts';
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

/** Sessions of a mission's task that have ended, as its workflow would have told them. */
export async function tellSessions(
  queries: Queries,
  of: { mission: string; task?: string; seq?: number; sessions: SessionSummary[] },
): Promise<void> {
  const { mission, task: id = 'A', seq = 2, sessions } = of;
  const view = { ...initialTaskView({ mission, milestone: 'm1', id, title: id }), sessions };
  const ended = { at: 0, type: 'session-ended' as const, message: '' };
  await recordTask(queries, { tenant, mission, seq, view, events: [ended] });
}

/** A session of an agent that took a minute. */
export function agentSession(
  id: string,
  of: {
    runtime?: string;
    model?: string;
    usage?: Partial<Usage>;
    endedAt?: number;
    windows?: QuotaWindow[];
  } = {},
): SessionSummary {
  const { runtime = 'codex', model = null, endedAt = 60_000 } = of;
  const usage = { inputTokens: 1_000, cachedTokens: 100, outputTokens: 10, costUsd: null, ...of.usage };
  const { windows } = of;
  const report = {
    message: 'I am done.',
    conversation: null,
    retryAt: null,
    ...(windows ? { windows } : {}),
  };
  return {
    id,
    role: 'author',
    runtime,
    host: 'local',
    end: 'exited',
    exitCode: 0,
    startedAt: endedAt - 60_000,
    endedAt,
    agent: { ...report, outcome: 'done', model, usage },
  };
}
