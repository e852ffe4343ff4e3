import { z } from 'zod';
import { Sha } from './names.ts';

/** Bound to one commit. Empty never means passed: no answer yet is `none-yet`. */
export const CiVerdict = z.enum(['none-yet', 'not-configured', 'skipped', 'pending', 'failed', 'passed']);
export type CiVerdict = z.infer<typeof CiVerdict>;

export const CiContext = z.object({
  name: z.string(),
  state: z.enum(['pending', 'failed', 'passed', 'skipped']),
  /** The last lines of a failed context's log, bounded. */
  excerpt: z.string().optional(),
});
export type CiContext = z.infer<typeof CiContext>;

export const CiReport = z.object({ sha: Sha, verdict: CiVerdict, contexts: z.array(CiContext) });
export type CiReport = z.infer<typeof CiReport>;

export function isSettled(verdict: CiVerdict): boolean {
  return verdict !== 'none-yet' && verdict !== 'pending';
}

/** Whether a commit with this verdict may merge. `skipped` counts only as the pipeline's own, explicit answer. */
export function ciAllowsMerge(verdict: CiVerdict, policy: { requireCi: boolean }): boolean {
  if (verdict === 'not-configured') return !policy.requireCi;
  return verdict === 'passed' || verdict === 'skipped';
}

/** The verdict of several contexts together: failure beats pending, and no context at all is `none-yet`. */
export function combineContexts(contexts: readonly Pick<CiContext, 'state'>[]): CiVerdict {
  const states = new Set(contexts.map((context) => context.state));
  if (states.has('failed')) return 'failed';
  if (states.has('pending')) return 'pending';
  if (states.has('passed')) return 'passed';
  return states.has('skipped') ? 'skipped' : 'none-yet';
}
