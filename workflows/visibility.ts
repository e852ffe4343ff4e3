/** What the Temporal UI and its search show of our workflows. */
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { EngineFacts } from '../schema/contracts/messages.ts';
import type { TaskView } from '../schema/contracts/views.ts';
import { describeTask } from './rules/details.ts';
import { phaseOf } from './rules/phase.ts';

export const attributeKeys = {
  phase: defineSearchAttributeKey('MissionPhase', SearchAttributeType.KEYWORD),
  repository: defineSearchAttributeKey('Repository', SearchAttributeType.KEYWORD),
  pullRequest: defineSearchAttributeKey('PullRequest', SearchAttributeType.INT),
  needsHuman: defineSearchAttributeKey('NeedsHuman', SearchAttributeType.BOOL),
  tenant: defineSearchAttributeKey('TenantId', SearchAttributeType.KEYWORD),
} as const;

/** The attributes that a workflow starts with; none on a server that does not know them. */
export function startAttributes(of: { engine: EngineFacts; repository: string }) {
  if (!of.engine.searchAttributes) return [];
  return [
    { key: attributeKeys.repository, value: of.repository },
    { key: attributeKeys.tenant, value: of.engine.tenant },
    { key: attributeKeys.needsHuman, value: false },
    { key: attributeKeys.phase, value: 'implementing' },
  ];
}

/** Shows a task as it stands. Details cost no event; attributes cost one, so they are told only when they change. */
export class TaskDisplay {
  #shown: string | undefined;

  show(view: TaskView, engine: EngineFacts): void {
    setCurrentDetails(describeTask(view));
    if (!engine.searchAttributes) return;
    const phase = phaseOf(view);
    const needsHuman = view.waits?.for === 'person';
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
