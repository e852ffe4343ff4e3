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
  request: GoAheadRequest;
  via: GoAhead['via'];
}): GoAheadFault | undefined {
  const { coordinators, request, via } = of;
  const { id, gate, status, headSha } = of.view;
  if (gate !== 'go-ahead' || headSha === null || status !== 'running') {
    return { type: 'WrongPhase', message: `${id} is at gate ${gate}: it waits for no go-ahead` };
  }
  if (request.headSha !== headSha) {
    const message = `the head of ${id} is ${headSha}, not ${request.headSha}`;
    return { type: 'StaleHead', message, headSha };
  }
  if (via === 'temporal' || coordinators.length === 0 || coordinators.includes(request.by)) return undefined;
  const message = `${request.by} is no coordinator of this mission: ${coordinators.join(', ')}`;
  return { type: 'NotCoordinator', message };
}
