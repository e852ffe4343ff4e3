import type { EscalationKind } from '../../schema/contracts/question.ts';

/** How forges, registries, git and programs say that somebody lacks a login or a right. */
const lacksAccess =
  /\b(?:40[13]|unauthori[sz]ed|forbidden|permission denied|access denied|no right|lacks the (?:right|scope)|(?:not |no )log(?:ged|in)|credentials?|tokens?|password)\b/i;

/** Why a step that has failed for good is a person's: by the words of its failure, since programs tell no more. */
export function escalationOf(reason: string): EscalationKind {
  return lacksAccess.test(reason) ? 'credentials' : 'remediation';
}
