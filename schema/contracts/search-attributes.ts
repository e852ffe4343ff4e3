import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { EngineFacts } from './messages.ts';

/** What one can search for in Temporal: three of the ten keywords that SQL visibility has, an int and a bool. */
export const attributeKeys = {
  phase: defineSearchAttributeKey('MissionPhase', SearchAttributeType.KEYWORD),
  repository: defineSearchAttributeKey('Repository', SearchAttributeType.KEYWORD),
  pullRequest: defineSearchAttributeKey('PullRequest', SearchAttributeType.INT),
  needsHuman: defineSearchAttributeKey('NeedsHuman', SearchAttributeType.BOOL),
  tenant: defineSearchAttributeKey('TenantId', SearchAttributeType.KEYWORD),
} as const;

/** The attributes that a workflow starts with; none on a server that does not know them. */
export function startAttributes(of: { engine: EngineFacts; repository: string; phase: string }) {
  if (!of.engine.searchAttributes) return [];
  return [
    { key: attributeKeys.repository, value: of.repository },
    { key: attributeKeys.tenant, value: of.engine.tenant },
    { key: attributeKeys.needsHuman, value: false },
    { key: attributeKeys.phase, value: of.phase },
  ];
}
