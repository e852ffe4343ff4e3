/** What the routes do with missions: claims in the database, workflows in Temporal. */
import { createHash } from 'node:crypto';
import {
  ApplicationFailure,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { z } from 'zod';
import { AmendmentFaults, type Amendment } from '../schema/contracts/amendment.ts';
import type { AmendedMission, AmendedPlan, Fault } from '../schema/contracts/door.ts';
import {
  updates,
  workflowTypes,
  type AmendRequest,
  type CancelRequest,
  type MissionInput,
  type Resolution,
  type ResumeRequest,
} from '../schema/contracts/messages.ts';
import { AnsweredTask, describeLate, pauseFault, type LateAnswer } from '../schema/contracts/late.ts';
import { isLawQuestion } from '../schema/contracts/law.ts';
import type { MissionFile } from '../schema/contracts/mission-file.ts';
import {
  controlQueue,
  missionWorkflowId,
  taskWorkflowId,
  type GoAheadSurface,
} from '../schema/contracts/names.ts';
import { PlanOutline, type Plan } from '../schema/contracts/plan.ts';
import { blockedItem, type AnswerRequest } from '../schema/contracts/question.ts';
import type { Scope } from '../schema/contracts/scopes.ts';
import { startAttributes } from '../schema/contracts/search-attributes.ts';
import { GoAhead, MissionView } from '../schema/contracts/views.ts';
import {
  claimMission,
  readMission,
  readMissionHost,
  readMissionSummary,
  readTask,
  readTasks,
  startingMissions,
  type MissionRow,
  type MissionSummaryRow,
} from '../schema/db/missions.ts';
import type { Caller } from '../schema/db/tokens.ts';
import type { ApiDeps } from './deps.ts';
import { Problem } from './problem.ts';

/** Claims the mission's key, then starts its workflow. Called again, it finds the one and makes up for the other. */
export async function createMission(
  deps: ApiDeps,
  of: { file: MissionFile; caller: Caller; idempotencyKey: string | undefined },
): Promise<{ row: MissionRow; created: boolean; warnings: Fault[] }> {
  const { caller } = of;
  const file = keyed(of);
  const fileHash = hashOf(file);
  // A key that is known needs no door: its mission was let in, and the world may have changed since.
  const standing =
    file.key && (await readMission(deps.queries, { tenant: caller.tenant, mission: file.key }));
  if (standing) {
    const row = sameFile(standing, fileHash);
    if (row.status === 'starting') await startMission(deps, row);
    return { row, created: false, warnings: [] };
  }
  const admission = await deps.door.admitMission(file);
  if (admission.kind === 'refused') {
    throw refused(admission.faults);
  }
  const { plan, warnings } = admission;
  const host = deps.engine.host;
  const tenant = caller.tenant;
  const claim = await claimMission(deps.queries, { tenant, fileHash, plan, host, by: caller.name });
  sameFile(claim.row, fileHash);
  await startMission(deps, claim.row);
  return { ...claim, warnings };
}

/** A call that is repeated must find its mission, even if the first one died before it had answered. */
function keyed(of: { file: MissionFile; caller: Caller; idempotencyKey: string | undefined }): MissionFile {
  const { file, caller, idempotencyKey } = of;
  if (file.key !== undefined || idempotencyKey === undefined) return file;
  const hash = callHash({ caller, name: 'POST /v1/missions', idempotencyKey });
  return { ...file, key: `m-${hash.slice(0, 16)}` };
}

function refused(faults: Fault[]): Problem {
  const detail = faults.map((fault) => `${fault.path}: ${fault.message}`).join('; ');
  return new Problem('invalid', detail, { faults });
}

export async function requireMission(
  deps: ApiDeps,
  of: { tenant: string; mission: string },
): Promise<MissionSummaryRow> {
  const row = await readMissionSummary(deps.queries, of);
  if (!row) throw noMission(of.mission);
  return row;
}

function noMission(id: string): Problem {
  return new Problem('not-found', `there is no mission ${id}`);
}

function sameFile(row: MissionRow, fileHash: string): MissionRow {
  // Of some missions that were rebuilt from Temporal nobody knows the file: they are found, whatever is sent.
  if (row.fileHash === null || row.fileHash === fileHash) return row;
  throw new Problem('conflict', `the mission ${row.id} exists and was started with another file`);
}

/** A mission that was claimed when the engine died is started when it comes up again. */
export async function startClaimedMissions(deps: ApiDeps): Promise<void> {
  for (const row of await startingMissions(deps.queries)) {
    await startMission(deps, row).catch((error: unknown) => deps.log(error));
  }
}

async function startMission(deps: ApiDeps, row: MissionRow): Promise<void> {
  const { client } = deps;
  const { tenantId, id, plan, fileHash, createdBy, createdAt } = row;
  // Another process may have claimed it: then it runs on that one's host, where its claim says.
  const host = await readMissionHost(deps.queries, { tenant: tenantId, mission: id });
  const engine = { ...deps.engine, host: host ?? deps.engine.host };
  const { priority } = plan.policy;
  const origin = { fileHash, createdBy, createdAt: createdAt.getTime() };
  const input: MissionInput = { engine, plan, origin };
  try {
    await client.workflow.start(workflowTypes.mission, {
      workflowId: missionWorkflowId({ installation: engine.installation, mission: plan.mission }),
      taskQueue: controlQueue(engine.installation),
      args: [input],
      workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
      staticSummary: plan.title,
      ...(priority === undefined ? {} : { priority: { priorityKey: priority } }),
      staticDetails: describePlan(plan),
      typedSearchAttributes: startAttributes({
        engine,
        repository: plan.repository.address,
        phase: 'running',
      }),
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

function describePlan(plan: Plan): string {
  const lines = plan.milestones.flatMap((milestone) => [
    `### ${milestone.id}: ${milestone.title}`,
    ...milestone.tasks.map((task) => {
      const after = task.dependsOn.length === 0 ? '' : ` (after ${task.dependsOn.join(', ')})`;
      return `- ${task.id}: ${task.title}${after}`;
    }),
  ]);
  return [`Repository ${plan.repository.address}, base ${plan.repository.base}`, '', ...lines].join('\n');
}

/** Canonical: the order of keys does not make another mission. */
function hashOf(file: MissionFile): string {
  const canonical = JSON.stringify(file, (_, value: unknown) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
  return createHash('sha256').update(canonical).digest('hex');
}

/** An update to a running workflow; its refusals become problems. */
export async function update(
  deps: ApiDeps,
  of: {
    workflowId: string;
    name: string;
    arg: unknown;
    caller: Caller;
    idempotencyKey: string | undefined;
    /** What is told where the workflow does not run. */
    whyOver?: () => Promise<Problem>;
  },
): Promise<unknown> {
  const { workflowId, name, arg, caller, idempotencyKey, whyOver } = of;
  try {
    return await deps.client.workflow.getHandle(workflowId).executeUpdate(name, {
      args: [arg],
      ...(idempotencyKey === undefined ? {} : { updateId: callHash({ caller, name, idempotencyKey }) }),
    });
  } catch (error) {
    if (whyOver && error instanceof WorkflowNotFoundError) throw await whyOver();
    throw updateProblem(error);
  }
}

/** Another caller's or another operation's key is another key, however alike they look. */
function callHash(of: { caller: Caller; name: string; idempotencyKey: string }): string {
  const parts = JSON.stringify([of.caller.tenant, of.caller.name, of.name, of.idempotencyKey]);
  return createHash('sha256').update(parts).digest('hex');
}

const StaleDetails = z.object({ headSha: z.string() });

function updateProblem(error: unknown): unknown {
  if (error instanceof WorkflowNotFoundError) {
    return new Problem('conflict', 'it is not running: it has not been started yet, or it has ended');
  }
  if (!(error instanceof WorkflowUpdateFailedError) || !(error.cause instanceof ApplicationFailure))
    return error;
  const { type, message, details } = error.cause;
  switch (type) {
    case 'StaleHead':
      return new Problem('stale-head', message, StaleDetails.parse(details?.[0]));
    case 'WrongPhase':
      return new Problem('conflict', message);
    case 'InvalidAmendment':
      return refused(AmendmentFaults.parse(details?.[0]).faults);
    case 'NotCoordinator':
      return new Problem('forbidden', message);
    default:
      return error;
  }
}

/** A call to a running mission. */
export interface MissionCall {
  mission: string;
  caller: Caller;
  idempotencyKey: string | undefined;
}
export type TaskCall = MissionCall & { task: string };

/** `since`: what is answered is that pause, and no other. */
type PauseAnswer = MissionCall & Pick<ResumeRequest, 'since'>;

export async function giveGoAhead(
  deps: ApiDeps,
  of: TaskCall & { headSha: string; via: GoAheadSurface },
): Promise<GoAhead> {
  const { caller, headSha, via } = of;
  const arg = { headSha, by: caller.name, via };
  return GoAhead.parse(
    await updateTask(deps, of, { name: updates.goAhead, arg, late: { kind: 'head', sha: headSha } }),
  );
}

export async function resolveTask(
  deps: ApiDeps,
  of: TaskCall & Pick<Resolution, 'action' | 'guidance' | 'since'>,
): Promise<void> {
  const { caller, action, guidance, since } = of;
  const arg = {
    ...{ action, by: caller.name },
    ...(guidance === undefined ? {} : { guidance }),
    ...(since === undefined ? {} : { since }),
  };
  const late: LateAnswer = since === undefined ? { kind: 'block' } : { kind: 'item', id: blockedItem(since) };
  await updateTask(deps, of, { name: updates.resolve, arg, late });
}

export function scopeOfAnswer({ question }: Pick<AnswerRequest, 'question'>): Scope {
  return isLawQuestion(question) ? 'merge:approve' : 'missions:write';
}

export async function answerQuestion(
  deps: ApiDeps,
  of: TaskCall & Pick<AnswerRequest, 'question' | 'option' | 'note'>,
): Promise<void> {
  const { caller, question, option, note } = of;
  const arg = { question, option, by: caller.name, ...(note === undefined ? {} : { note }) };
  await updateTask(deps, of, { name: updates.answer, arg, late: { kind: 'item', id: question } });
}

export async function cancelMission(deps: ApiDeps, of: PauseAnswer & { reason?: string | undefined }) {
  await updateMission(deps, of, updates.cancel, { ...withReason(of), ...sinceOf(of) });
}

export async function pauseMission(deps: ApiDeps, of: MissionCall & { reason?: string | undefined }) {
  await updateMission(deps, of, updates.pause, withReason(of));
}

export async function resumeMission(deps: ApiDeps, of: PauseAnswer): Promise<void> {
  await updateMission(deps, of, updates.resume, { by: of.caller.name, ...sinceOf(of) });
}

export async function amendMission(
  deps: ApiDeps,
  of: MissionCall & { amendment: Amendment },
): Promise<AmendedPlan> {
  const { caller, amendment } = of;
  const mission = await readAmended(deps, of);
  const admission = await deps.door.admitChanges({ mission, changes: amendment.changes });
  if (admission.kind === 'refused') throw refused(admission.faults);
  const { changes, warnings } = admission;
  const arg: AmendRequest = { by: caller.name, reason: amendment.reason, changes };
  return { ...PlanOutline.parse(await updateMission(deps, of, updates.amend, arg)), warnings };
}

async function readAmended(deps: ApiDeps, of: MissionCall): Promise<AmendedMission> {
  const at = { tenant: of.caller.tenant, mission: of.mission };
  const [row, host, tasks] = await Promise.all([
    readMission(deps.queries, at),
    readMissionHost(deps.queries, at),
    readTasks(deps.queries, at),
  ]);
  if (!row) throw noMission(of.mission);
  return { plan: row.plan, host: host ?? deps.engine.host, tasks };
}

function withReason(of: MissionCall & { reason?: string | undefined }): CancelRequest {
  return { by: of.caller.name, ...(of.reason === undefined ? {} : { reason: of.reason }) };
}

function sinceOf({ since }: PauseAnswer): Pick<ResumeRequest, 'since'> {
  return since === undefined ? {} : { since };
}

function updateMission(deps: ApiDeps, of: PauseAnswer, name: string, arg: unknown): Promise<unknown> {
  const { mission, caller, idempotencyKey, since } = of;
  const workflowId = missionWorkflowId({ installation: deps.engine.installation, mission });
  const late = { tenant: caller.tenant, mission, since };
  const whyOver = since === undefined ? {} : { whyOver: () => latePauseProblem(deps, { ...late, since }) };
  return update(deps, { workflowId, name, arg, caller, idempotencyKey, ...whyOver });
}

async function latePauseProblem(
  deps: ApiDeps,
  of: { tenant: string; mission: string; since: number },
): Promise<Problem> {
  const { view } = await requireMission(deps, of);
  return new Problem('conflict', pauseFault(MissionView.parse(view), of.since) ?? 'it is not running');
}

function updateTask(
  deps: ApiDeps,
  of: TaskCall,
  told: { name: string; arg: unknown; late: LateAnswer },
): Promise<unknown> {
  const { mission, task, caller, idempotencyKey } = of;
  const { name, arg, late } = told;
  const workflowId = taskWorkflowId({ installation: deps.engine.installation, mission, task });
  const whyOver = () => lateProblem(deps, { tenant: caller.tenant, mission, task, late });
  return update(deps, { workflowId, name, arg, caller, idempotencyKey, whyOver });
}

/** What became of what somebody would answer, where the task's workflow can't say it any more. */
async function lateProblem(
  deps: ApiDeps,
  of: { tenant: string; mission: string; task: string; late: LateAnswer },
): Promise<Problem> {
  const { tenant, mission, task, late } = of;
  const view = await readTask(deps.queries, { tenant, mission, task });
  if (!view) return new Problem('not-found', `there is no task ${task} in the mission ${mission}`);
  return new Problem('conflict', describeLate(AnsweredTask.parse(view), late));
}
