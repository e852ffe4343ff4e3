/** What the Temporal UI and its search show of our workflows. */
import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { EngineFacts } from '../schema/contracts/messages.ts';
import { attributeKeys } from '../schema/contracts/search-attributes.ts';
import { needsPerson, type MissionView, type TaskView } from '../schema/contracts/views.ts';
import { describeMission, describeTask } from './rules/details.ts';
import { phaseOf } from './rules/phase.ts';

/** Shows a task as it stands. Details cost no event; attributes cost one, so they are told only when they change. */
export class TaskDisplay {
  #shown: string | undefined;

  show(view: TaskView, engine: EngineFacts): void {
    setCurrentDetails(describeTask(view));
    if (!engine.searchAttributes) return;
    const phase = phaseOf(view);
    const needsHuman = needsPerson(view);
    const showing = JSON.stringify([phase, needsHuman, view.pullRequest]);
    const first = this.#shown === undefined && phase === 'implementing' && !needsHuman;
    if (!first && showing !== this.#shown) {
      upsertSearchAttributes([
        { key: attributeKeys.phase, value: phase },
        { key: attributeKeys.needsHuman, value: needsHuman },
        ...(view.pullRequest === null ? [] : [{ key: attributeKeys.pullRequest, value: view.pullRequest }]),
      ]);
    }
    this.#shown = showing;
  }
}

/** Shows a mission as it stands; costs no event. */
export function showMission(view: MissionView): void {
  setCurrentDetails(describeMission(view));
}

/** Makes a mission's phase searchable; costs an event, so it is told only when somebody has changed its course. */
export function tellMissionPhase(view: MissionView, engine: EngineFacts): void {
  if (!engine.searchAttributes) return;
  upsertSearchAttributes([
    { key: attributeKeys.phase, value: view.status },
    { key: attributeKeys.needsHuman, value: view.status === 'paused' },
  ]);
}
