import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  currentUpdateInfo,
  defineQuery,
  defineSignal,
  defineUpdate,
  isCancellation,
  patched,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { AmendmentFaults } from '../schema/contracts/amendment.ts';
import {
  queries,
  signals,
  updates,
  type AmendRequest,
  type CancelRequest,
  type MissionInput,
  type MissionResult,
  type PauseRequest,
  type ResumeRequest,
} from '../schema/contracts/messages.ts';
import { pauseFault } from '../schema/contracts/late.ts';
import type { PlannedChange, PlanOutline } from '../schema/contracts/plan.ts';
import type { ToldMission, Unparsed } from '../schema/contracts/told.ts';
import type { MissionView, RecordedMission } from '../schema/contracts/views.ts';
import { MilestoneEnding } from './milestone-ending.ts';
import { MissionState } from './mission-state.ts';
import { callToItsEnd, record } from './proxies.ts';
import { mayContinueAsNew, mustDrain } from './rules/history.ts';
import { RunningTasks } from './running-tasks.ts';
import { showMission, tellMissionPhase } from './visibility.ts';

export const cancelUpdate = defineUpdate<undefined, [CancelRequest]>(updates.cancel);
export const pauseUpdate = defineUpdate<undefined, [PauseRequest]>(updates.pause);
export const resumeUpdate = defineUpdate<undefined, [ResumeRequest]>(updates.resume);
export const amendUpdate = defineUpdate<PlanOutline, [AmendRequest]>(updates.amend);
export const usedSignal = defineSignal<[unknown]>(signals.used);
export const missionViewQuery = defineQuery<MissionView>(queries.view);
export const missionToldQuery = defineQuery<Unparsed<ToldMission>>(queries.told);

/** The story of a mission: its milestones one after another, in each of them as many tasks at once as may run. */
export async function missionWorkflow(input: MissionInput): Promise<MissionResult> {
  const mission = new MissionState(input, Date.now);
  const tasks = new RunningTasks(mission);
  const work = new CancellationScope({ cancellable: true });
  setHandler(missionViewQuery, () => mission.view);
  setHandler(missionToldQuery, () => mission.told());
  setHandler(cancelUpdate, (request) => once(mission, () => cancel(mission, tasks, work, request)), {
    validator: (request: CancelRequest) => refuseOtherPause(mission, request),
  });
  setHandler(pauseUpdate, (request) => once(mission, () => pause(mission, tasks, request)), {
    validator: (request: PauseRequest) => refuseIfTooLate(mission, request),
  });
  setHandler(resumeUpdate, (request) => once(mission, () => resume(mission, tasks, request)), {
    validator: (request: ResumeRequest) => {
      refuseIfTooLate(mission, request);
      refuseOtherPause(mission, request);
    },
  });
  setHandler(usedSignal, (raw) => tasks.hearUsed(raw));
  setHandler(amendUpdate, (request) => amend(mission, tasks, request), {
    validator: (request: AmendRequest) => refuseMisfit(mission, request),
  });

  if (!input.soFar) mission.tell('mission-started', input.plan.title);
  try {
    const end = await work.run(() => runMilestones(mission, tasks));
    if (end === 'history-is-long') {
      await condition(allHandlersFinished);
      if (!mission.cancelled) await continueAsNew<typeof missionWorkflow>(mission.carryOver());
    }
  } catch (error) {
    if (!isCancellation(error)) throw error;
    mission.cancelled ??= { by: 'temporal', reason: 'cancellation of the workflow' };
  }
  const result = mission.end();
  await CancellationScope.nonCancellable(async () => {
    await recordMission(mission);
    // Missions that were begun before this step was there end without it.
    if (patched('mission-phase-at-end')) tellMissionPhase(mission.view, input.engine);
    await condition(allHandlersFinished);
  });
  return result;
}

type EndOfWork = 'nothing-left' | 'history-is-long';

async function runMilestones(mission: MissionState, tasks: RunningTasks): Promise<EndOfWork> {
  const ending = new MilestoneEnding({
    mission,
    pause: (reason) => pause(mission, tasks, { by: 'engine', reason }),
  });
  const { milestones: onForge } = mission.input.engine;
  if (onForge && !mission.input.soFar) await ending.open();
  for (let milestone = mission.nextMilestone(); milestone; milestone = mission.nextMilestone()) {
    const { id } = milestone;
    await recordMission(mission);
    if (mayContinueAsNew(workflowInfo())) return 'history-is-long';
    do {
      const end = await runMilestone(mission, tasks, id);
      if (end === 'history-is-long') return end;
      if (!mission.isComplete(mission.milestone(id))) return 'nothing-left';
    } while (onForge && !(await ending.end(id)));
  }
  return 'nothing-left';
}

async function runMilestone(mission: MissionState, tasks: RunningTasks, id: string): Promise<EndOfWork> {
  for (;;) {
    if (mission.takeGrowth()) await recordPlan(mission);
    mission.draining = mustDrain(workflowInfo());
    const milestone = mission.milestone(id);
    for (const task of mission.startNext(milestone)) tasks.start(milestone, task);
    if (mission.isOver(milestone)) return 'nothing-left';
    if (mission.isIdle() && mayContinueAsNew(workflowInfo())) return 'history-is-long';
    await tasks.untilChange();
  }
}

async function cancel(
  mission: MissionState,
  tasks: RunningTasks,
  work: CancellationScope,
  request: CancelRequest,
): Promise<void> {
  mission.cancel(request);
  // What is merged already is brought to its end, which a pause would hold up.
  if (mission.view.paused) await tasks.goOn();
  work.cancel();
}

/** What runs comes to the end of its step; nothing new starts. */
async function pause(mission: MissionState, tasks: RunningTasks, request: PauseRequest): Promise<void> {
  mission.pause(request);
  await tasks.hold(request);
  tellMissionPhase(mission.view, mission.input.engine);
  await recordMission(mission);
}

async function resume(mission: MissionState, tasks: RunningTasks, request: ResumeRequest): Promise<void> {
  mission.resume(request);
  await tasks.goOn();
  tellMissionPhase(mission.view, mission.input.engine);
  await recordMission(mission);
}

async function amend(
  mission: MissionState,
  tasks: RunningTasks,
  request: AmendRequest,
): Promise<PlanOutline> {
  await once(mission, async () => {
    mission.amend(request);
    // Older missions could amend none of it, so nothing is told in their histories.
    if (request.changes.some(changesWhatIsAllowed)) await tasks.tellPolicy();
    await recordPlan(mission);
  });
  return mission.outline();
}

function changesWhatIsAllowed(change: PlannedChange): boolean {
  if (change.change !== 'policy') return false;
  const { budget, noProgress, fallback } = change;
  return [budget, noProgress, fallback].some((one) => one !== undefined);
}

/** Temporal knows an update by its id within one run only; a mission that went on as new knows it by this. */
async function once(mission: MissionState, change: () => Promise<void>): Promise<undefined> {
  const id = currentUpdateInfo()?.id;
  if (id !== undefined) {
    if (mission.hasTaken(id)) return undefined;
    mission.take(id);
  }
  await change();
  return undefined;
}

function refuseIfTooLate(mission: MissionState, { by }: { by: string }): void {
  const reason = mission.tooLate();
  if (reason === undefined) return;
  throw wrongPhase(`${by} comes too late: ${reason}`);
}

/** What answers a pause counts for that one only, however soon after it another begins. */
function refuseOtherPause(mission: MissionState, { since }: Pick<ResumeRequest, 'since'>): void {
  const id = currentUpdateInfo()?.id;
  if (since === undefined || (id !== undefined && mission.hasTaken(id))) return;
  const fault = pauseFault(mission.view, since);
  if (fault !== undefined) throw wrongPhase(fault);
}

function wrongPhase(message: string): ApplicationFailure {
  return ApplicationFailure.create({ type: 'WrongPhase', message, nonRetryable: true });
}

function refuseMisfit(mission: MissionState, request: AmendRequest): void {
  refuseIfTooLate(mission, request);
  const id = currentUpdateInfo()?.id;
  if (id !== undefined && mission.hasTaken(id)) return;
  const amended = mission.amended(request);
  if (amended.kind === 'amended') return;
  const { faults } = amended;
  const message = faults.map((fault) => `${fault.path}: ${fault.message}`).join('; ');
  const detail: AmendmentFaults = { faults };
  throw ApplicationFailure.create({
    type: 'InvalidAmendment',
    message,
    details: [detail],
    nonRetryable: true,
  });
}

async function recordPlan(mission: MissionState): Promise<void> {
  const { host } = mission.input.engine;
  await recordMission(mission, { host, tasks: mission.placements(), plan: mission.plan });
}

async function recordMission(mission: MissionState, amended?: RecordedMission['amended']): Promise<void> {
  const { engine, plan } = mission.input;
  const { view } = mission;
  showMission(view);
  await callToItsEnd(record.recordMission, `${view.status}, ${view.milestone ?? ''}`, {
    tenant: engine.tenant,
    mission: plan.mission,
    view,
    ...mission.takeNews(),
    ...(amended ? { amended } : {}),
  });
}
