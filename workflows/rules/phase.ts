import { gates, isEnded, type Gate } from '../../schema/contracts/gates.ts';
import type { TaskView } from '../../schema/contracts/views.ts';

/** The coarse place that one can search for in Temporal: few values, so that few events are spent on it. */
export type Phase = 'implementing' | 'reviewing' | 'merging' | 'blocked' | 'ended';

export function phaseOf(view: Pick<TaskView, 'status' | 'gate'>): Phase {
  if (view.status === 'blocked') return 'blocked';
  if (isEnded(view.status)) return 'ended';
  if (isBefore(view.gate, 'review-and-ci')) return 'implementing';
  return isBefore(view.gate, 'merge-lane') ? 'reviewing' : 'merging';
}

function isBefore(gate: Gate, other: Gate): boolean {
  return gates.indexOf(gate) < gates.indexOf(other);
}
