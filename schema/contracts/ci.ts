import { z } from 'zod';
import { Sha } from './names.ts';

/** Bound to one commit. Empty never means passed: no answer yet is `none-yet`. */
export const CiVerdict = z.enum(['none-yet', 'not-configured', 'skipped', 'pending', 'failed', 'passed']);
export type CiVerdict = z.infer<typeof CiVerdict>;

export const CiContext = z.object({
  name: z.string(),
  state: z.enum(['pending', 'failed', 'passed', 'skipped']),
  /** What is known of it beside its state: of a failed one, the lines of its log that tell why, bounded. */
  excerpt: z.string().optional(),
  /** Required, and nothing was heard of it yet. */
  expected: z.literal(true).optional(),
});
export type CiContext = z.infer<typeof CiContext>;

export const CiReport = z.object({
  sha: Sha,
  verdict: CiVerdict,
  contexts: z.array(CiContext),
  /** The pipeline files whose rules leave this change out: no status will come. With `skipped` that is accepted. */
  leftOutBy: z.array(z.string()).optional(),
  /** The failed contexts that have failed on the base too. */
  failsOnBase: z.array(z.string()).optional(),
});
export type CiReport = z.infer<typeof CiReport>;

/** What a mission asks of CI beside `requireCi`. */
export const CiRules = z.object({
  /** Contexts that must be green, beside those that the base's protection requires; `*` stands for any characters. */
  required: z.array(z.string().min(1).max(200)).max(50).optional(),
  /** A change that all pipelines leave out by their paths: a person is asked, or it counts as `skipped`. Without it: ask. */
  pathsIgnored: z.enum(['ask', 'accept']).optional(),
});
export type CiRules = z.infer<typeof CiRules>;

export function isSettled(verdict: CiVerdict): boolean {
  return verdict !== 'none-yet' && verdict !== 'pending';
}

/** Whether a commit with this verdict may merge. `skipped` counts only as the pipeline's own, explicit answer. */
export function ciAllowsMerge(verdict: CiVerdict, policy: { requireCi: boolean }): boolean {
  if (verdict === 'not-configured') return !policy.requireCi;
  return verdict === 'passed' || verdict === 'skipped';
}

/** A context's name without the event that has started it: a pull request and a push run the same. */
export function contextKey(name: string): string {
  return name.replace(/ \((?:push|pull_request\w*)\)$/, '').replace(/\/(?:push|pr|pull_request)(?=\/|$)/, '');
}

/** What the heartbeat of a wait for CI tells. */
export const CiWait = z.object({ waitsFor: z.string() });
export type CiWait = z.infer<typeof CiWait>;

/** What a verdict that is not settled waits for. */
export function describePending({ sha, verdict, contexts }: CiReport): string {
  const pending = contexts.filter(({ state }) => state === 'pending');
  const running = pending
    .filter(({ expected }) => !expected)
    .map(({ name, excerpt }) => (excerpt === undefined ? name : `${name} (${excerpt})`));
  const missing = pending.filter(({ expected }) => expected).map(({ name }) => name);
  const waits = [
    ...(running.length > 0 ? [`${running.join(', ')} to end`] : []),
    ...(missing.length > 0 ? [`${missing.join(', ')}, required and not heard of yet`] : []),
    ...(pending.length === 0 ? ['a first status'] : []),
  ];
  return `CI of ${sha} is ${verdict}: it waits for ${waits.join('; ')}`;
}

/** The verdict of several contexts together: failure beats pending, and no context at all is `none-yet`. */
export function combineContexts(contexts: readonly Pick<CiContext, 'state'>[]): CiVerdict {
  const states = new Set(contexts.map((context) => context.state));
  if (states.has('failed')) return 'failed';
  if (states.has('pending')) return 'pending';
  if (states.has('passed')) return 'passed';
  return states.has('skipped') ? 'skipped' : 'none-yet';
}
