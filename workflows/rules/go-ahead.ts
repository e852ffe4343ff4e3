import { describeGiven } from '../../schema/contracts/late.ts';
import type { GoAheadRequest } from '../../schema/contracts/messages.ts';
import type { GoAhead, TaskView } from '../../schema/contracts/views.ts';

/** Why a go-ahead does not count. */
export type GoAheadFault =
  | { type: 'WrongPhase'; message: string }
  | { type: 'StaleHead'; message: string; headSha: string }
  | { type: 'NotCoordinator'; message: string };

/** Whether a task waits for a go-ahead, for that very head, from who gives it. */
export function goAheadFault(of: {
  view: Pick<TaskView, 'id' | 'gate' | 'status' | 'headSha'>;
  coordinators: readonly string[];
  /** How many persons must give it, and those who have. */
  needed: number;
  given: readonly Pick<GoAhead, 'sha' | 'by' | 'at'>[];
  request: GoAheadRequest;
  via: GoAhead['via'];
}): GoAheadFault | undefined {
  const { coordinators, needed, given, request, via } = of;
  const { id, gate, status, headSha } = of.view;
  if (gate !== 'go-ahead' || headSha === null || status !== 'running') {
    const its = given.filter(({ sha }) => sha === request.headSha);
    const before = its.length === 0 ? '' : `; ${request.headSha} has it, ${describeGiven(its)}`;
    return { type: 'WrongPhase', message: `${id} is at gate ${gate}: it waits for no go-ahead${before}` };
  }
  if (request.headSha !== headSha) {
    const message = `the head of ${id} is ${headSha}, not ${request.headSha}`;
    return { type: 'StaleHead', message, headSha };
  }
  const who = given.map(({ by }) => by);
  if (who.length >= needed) {
    return { type: 'WrongPhase', message: `${id} has its go-ahead already, ${describeGiven(given)}` };
  }
  const stranger = via === 'temporal' ? undefined : strangerFault({ by: request.by, coordinators });
  if (stranger) return stranger;
  if (who.includes(request.by)) {
    const message = `${request.by} has given the go-ahead for ${headSha} already: ${needed} different persons must`;
    return { type: 'WrongPhase', message };
  }
  if (via === 'temporal' && needed > 1) {
    // Whoever may signal a workflow can sign with any name.
    const message = `two persons must give it, each with a token of their own`;
    return { type: 'NotCoordinator', message };
  }
  return undefined;
}

/** Whether it is not for who says it: a mission may name those who let heads be merged. */
export function strangerFault(of: { by: string; coordinators: readonly string[] }): GoAheadFault | undefined {
  const { by, coordinators } = of;
  if (coordinators.length === 0 || coordinators.includes(by)) return undefined;
  const message = `${by} is no coordinator of this mission: ${coordinators.join(', ')}`;
  return { type: 'NotCoordinator', message };
}
