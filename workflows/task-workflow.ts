import {
  ApplicationFailure,
  defineQuery,
  defineSignal,
  defineUpdate,
  setHandler,
} from '@temporalio/workflow';
import {
  queries,
  signals,
  updates,
  type GoAheadRequest,
  type Resolution,
  type TaskInput,
  type TaskResult,
} from '../schema/contracts/messages.ts';
import { isLawQuestion } from '../schema/contracts/law.ts';
import type { AnswerRequest } from '../schema/contracts/question.ts';
import type { ToldTask, Unparsed } from '../schema/contracts/told.ts';
import type { GoAhead, TaskView } from '../schema/contracts/views.ts';
import { strangerFault, type GoAheadFault } from './rules/go-ahead.ts';
import { TaskState } from './task-state.ts';
import { TaskStory } from './task-story.ts';
import { tellUsed } from './tell-used.ts';

export const goAheadUpdate = defineUpdate<GoAhead, [GoAheadRequest]>(updates.goAhead);
export const resolveUpdate = defineUpdate<undefined, [Resolution]>(updates.resolve);
export const goAheadSignal = defineSignal<[unknown]>(signals.goAhead);
export const holdSignal = defineSignal<[unknown]>(signals.hold);
export const goOnSignal = defineSignal(signals.goOn);
export const usedSignal = defineSignal<[unknown]>(signals.used);
export const policySignal = defineSignal<[unknown]>(signals.policy);
export const mergeAnswerSignal = defineSignal<[unknown]>(signals.mergeAnswer);
export const questionSignal = defineSignal<[unknown]>(signals.question);
export const answerUpdate = defineUpdate<undefined, [AnswerRequest]>(updates.answer);
export const taskViewQuery = defineQuery<TaskView>(queries.view);
export const taskToldQuery = defineQuery<Unparsed<ToldTask>>(queries.told);

/** One task, from its issue to its merge. A child of its mission, with a history, retries and a reset of its own. */
export async function taskWorkflow(input: TaskInput): Promise<TaskResult> {
  const task = new TaskState(input, Date.now);
  const story = new TaskStory(task);
  listen(task, story);
  return story.tell();
}

/** All that a task can be told and asked. */
export function listen(task: TaskState, story: TaskStory): void {
  setHandler(taskViewQuery, () => task.view);
  setHandler(taskToldQuery, () => task.told());
  setHandler(mergeAnswerSignal, (raw) => task.hearLane(raw));
  setHandler(holdSignal, (raw) => task.hold(raw));
  setHandler(goOnSignal, () => task.goOn());
  setHandler(usedSignal, (raw) => task.budget.hearOthers(raw));
  setHandler(policySignal, (raw) => {
    task.hearPolicy(raw);
    return tellUsed(task);
  });
  setHandler(goAheadSignal, (raw) => task.goAheads.hear(raw));
  setHandler(goAheadUpdate, (request) => task.goAheads.give(request, request.via ?? 'api'), {
    validator: (request: GoAheadRequest) => refuseGoAhead(task, request),
  });
  setHandler(resolveUpdate, (resolution) => task.resolve(resolution), {
    validator: (resolution: Resolution) => refuseResolution(task, resolution),
  });
  setHandler(questionSignal, (raw) => story.answers.hear(raw));
  setHandler(answerUpdate, (request) => story.answers.answer(request), {
    validator: (request: AnswerRequest) => refuseAnswer(task, request),
  });
}

function refuseGoAhead(task: TaskState, request: GoAheadRequest): void {
  refuseFault(task.goAheads.fault(request, request.via ?? 'api'));
}

function refuseFault(fault: GoAheadFault | undefined): void {
  if (!fault) return;
  const { type, message } = fault;
  const details = 'headSha' in fault ? [{ headSha: fault.headSha }] : [];
  throw ApplicationFailure.create({ type, message, details, nonRetryable: true });
}

/** What breaks a law is merged by the word of those alone who may let anything be merged. */
function refuseAnswer(task: TaskState, request: AnswerRequest): void {
  refuse(task.questions.fault(request));
  const { coordinators } = task.input.policy;
  if (isLawQuestion(request.question)) refuseFault(strangerFault({ by: request.by, coordinators }));
}

function refuseResolution(task: TaskState, resolution: Resolution): void {
  refuse(task.resolutionFault(resolution));
}

function refuse(message: string | undefined): void {
  if (message !== undefined)
    throw ApplicationFailure.create({ type: 'WrongPhase', message, nonRetryable: true });
}
